"""Draws a trace as a tree of lines: what ran, under what, how long, at what cost, and what broke."""

from collections.abc import Iterator

from twintrack.core.traces import Trace, TraceSpan

_MESSAGE_CHARS = 120
_MARKS = {"ERROR": "failed", "WARNING": "warning"}


def tree_lines(trace: Trace) -> Iterator[str]:
    """Yield one line per step; steps LangGraph marks as hidden are left out."""
    for root in trace.roots:
        yield describe(root)
        yield from _below(trace, root, "")


def describe(span: TraceSpan) -> str:
    """Return a step in words: name, duration, outcome, tokens, error."""
    parts = [span.name, duration(span.seconds)]
    parts += [text if name == "status" else f"{name} {text}" for name, text in span.labels.items()]
    if total := span.usage.get("total"):
        parts.append(f"{total} tokens" + (f" ({span.model})" if span.model else ""))
    if span.level in _MARKS:
        parts.append(f"{_MARKS[span.level]}: {_short(span.message)}")
    return "  ".join(parts)


def duration(seconds: float) -> str:
    """Return a time for people."""
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"


def visible_children(trace: Trace, span: TraceSpan) -> list[TraceSpan]:
    """Return the steps drawn under `span`."""
    return [child for child in trace.children(span) if child.level != "DEBUG"]


def _below(trace: Trace, span: TraceSpan, indent: str) -> Iterator[str]:
    children = visible_children(trace, span)
    for child in children:
        last = child is children[-1]
        yield f"{indent}{'└─' if last else '├─'} {describe(child)}"
        yield from _below(trace, child, indent + ("   " if last else "│  "))


def _short(message: str) -> str:
    line = " ".join(message.split()) or "cancelled or timed out"
    return line if len(line) <= _MESSAGE_CHARS else line[: _MESSAGE_CHARS - 1] + "…"
