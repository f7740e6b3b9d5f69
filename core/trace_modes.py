"""How the graph's modes compare: kept traces, sorted by the way they took and by the team's pattern, and added up."""

import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil

from twintrack.core.traces import Trace, TraceSpan

_TRACKS = ("direct", "team")
_KEPT = ("exact", "similar")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """What the turns came to that took the same way through the same pattern."""

    way: str
    pattern: str
    turns: int
    statuses: dict[str, int]
    degraded: int
    failed: int
    seconds_p50: float
    seconds_p95: float
    tokens: float
    """Of one turn, on average."""
    coordination: float | None
    """Share of the team's time, on average; None where no team worked."""
    coordination_high: int
    """Turns in which it was above the setting."""


def modes(traces: Iterable[Trace]) -> list[Mode]:
    """Return a row for each mode, the commonest first."""
    groups: dict[tuple[str, str], list[Trace]] = {}
    for trace in traces:
        groups.setdefault((way_of(trace), pattern_of(trace)), []).append(trace)
    rows = [_mode(way, pattern, group) for (way, pattern), group in groups.items()]
    return sorted(rows, key=lambda row: (-row.turns, row.way, row.pattern))


def way_of(trace: Trace) -> str:
    """Return the tracks a turn took, in their order; else `kept` for an answer given before, or `none`."""
    runs = {span.id for span in trace.roots} | {span.id for span in trace.spans if span.type == "agent" and span.labels}
    taken = sorted((span for span in trace.spans if span.parent in runs), key=lambda span: span.start)
    tracks = dict.fromkeys(span.name for span in taken if span.name in _TRACKS)
    return " > ".join(tracks) or ("kept" if trace.labels.get("cache") in _KEPT else "none")


def pattern_of(trace: Trace) -> str:
    """Return how the team's agents worked together: `supervisor`, or what is a member of it: `peers`, `teams`."""
    planned = {span.parent for span in trace.spans if span.name == "plan"}
    groups = planned | {span.parent for span in trace.spans if span.name == "gather"}
    by_id = {span.id: span for span in trace.spans}
    inner = {group for group in groups if group in by_id and _lies_in(by_id[group], groups, by_id)}
    kinds = {"teams" if group in planned else "peers" for group in inner}
    return " + ".join(sorted(kinds)) or ("supervisor" if groups else "")


def _lies_in(span: TraceSpan, groups: set[str | None], by_id: dict[str, TraceSpan]) -> bool:
    above = by_id.get(span.parent or "")
    return above is not None and (above.id in groups or _lies_in(above, groups, by_id))


def _mode(way: str, pattern: str, group: Sequence[Trace]) -> Mode:
    labels = [trace.labels for trace in group]
    seconds = sorted(trace.seconds for trace in group)
    shares = [float(one["coordination_seconds"].rstrip("%")) / 100 for one in labels if "coordination_seconds" in one]
    return Mode(
        way=way,
        pattern=pattern,
        turns=len(group),
        statuses=dict(Counter(one.get("status", "none") for one in labels)),
        degraded=sum("degraded" in one for one in labels),
        failed=sum(trace.failed for trace in group),
        seconds_p50=round(statistics.median(seconds), 3),
        seconds_p95=round(seconds[ceil(0.95 * len(seconds)) - 1], 3),
        tokens=round(statistics.mean(trace.usage.get("total", 0) for trace in group), 1),
        coordination=round(statistics.mean(shares), 3) if shares else None,
        coordination_high=sum("coordination_high" in one for one in labels),
    )
