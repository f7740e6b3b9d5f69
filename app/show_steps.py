"""Says in a few words what a step of a turn did; steps with nothing to tell are passed over."""

from twintrack.app.streaming import StreamEvent

_WORDS = {
    "recall": "recalled",
    "route": "track",
    "retrieve": "found",
    "grade": "read",
    "verify": "checked",
    "plan": "plan",
    "agent": "agent",
    "step_down": "changed",
    "refuse": "refused",
    "fail": "failed",
}
_WIDEST = max(map(len, _WORDS.values()))
INDENT = _WIDEST + 4
"""Columns before what a line tells."""
_LONGEST = 60


def step_line(event: StreamEvent) -> str:
    """Return one line for a step, or nothing."""
    word = _WORDS.get(event.step.rpartition("/")[2], "")
    if not word or not event.detail:
        return ""
    lines = [_short(part) for part in event.detail.split("\n")]
    return f"\n  {'':{_WIDEST + 2}}".join([f"  {word:<{_WIDEST}}  {lines[0]}", *lines[1:]])


def _short(detail: str) -> str:
    return detail if len(detail) <= _LONGEST else detail[: _LONGEST - 1] + "…"
