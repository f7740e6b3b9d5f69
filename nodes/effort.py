"""Counts what coordinating a team takes beside its agents' work."""

import logging
import time
from collections.abc import Sequence
from typing import Any

from twintrack.nodes.state import Coordination, Effort, StepResult, TeamState

log = logging.getLogger(__name__)
_RULED_MESSAGES = 2
"""A call and its result: what an agent that follows rules exchanges with its tool."""


def spent(step: str, began: float, *, tokens: int = 0, messages: int = 0) -> dict[str, Any]:
    """Return the update that notes what a step took since `began` on the performance counter."""
    seconds = round(time.perf_counter() - began, 6)
    return {"effort": [Effort(step=step, seconds=seconds, tokens=tokens, messages=messages)]}


def coordination(state: TeamState, last: Sequence[Effort], *, warns_at: float, unnoticed: float = 0.1) -> Coordination:
    """Add up the run's efforts and the `last` one; too large a share of time is logged."""
    by_step: dict[str, Effort] = {}
    for one in [*_routed(state), *state.get("effort", []), *last]:
        by_step[one["step"]] = _sum(by_step.get(one["step"]), one)
    steps = state.get("steps", [])
    work = [_worked(step) for step in steps]
    spent_here = by_step.values()
    took = sum(one["seconds"] for one in spent_here)
    share = _share(took, sum(one["seconds"] for one in work))
    high = bool(steps) and share > warns_at and took > unnoticed
    if high:
        log.warning("coordination took %.0f %% of the team's time", share * 100)
    return Coordination(
        seconds=share,
        tokens=_share(sum(one["tokens"] for one in spent_here), sum(one["tokens"] for one in work)),
        messages=_share(sum(one["messages"] for one in spent_here), sum(one["messages"] for one in work)),
        high=high,
        by_step=by_step,
    )


def _routed(state: TeamState) -> list[Effort]:
    if not (decision := state.get("decision")):
        return []
    asked = 2 if decision["tokens"] else 0
    return [Effort(step="route", seconds=decision["ms"] / 1000, tokens=decision["tokens"], messages=asked)]


def _worked(step: StepResult) -> Effort:
    messages = step.get("messages", 0 if step["status"] == "skipped" else _RULED_MESSAGES)
    return Effort(step=step["agent"], seconds=step["seconds"], tokens=step.get("tokens", 0), messages=messages)


def _sum(known: Effort | None, one: Effort) -> Effort:
    if known is None:
        return one
    return Effort(
        step=one["step"],
        seconds=round(known["seconds"] + one["seconds"], 6),
        tokens=known["tokens"] + one["tokens"],
        messages=known["messages"] + one["messages"],
    )


def _share(overhead: float, work: float) -> float:
    return round(overhead / (overhead + work), 4) if overhead + work else 0.0
