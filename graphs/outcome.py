"""What came of a run, as the labels of its trace."""

from typing import Any

from twintrack.core.tracing import Turn


def outcome_of(turn: Turn) -> dict[str, str]:
    """Return how the turn ended, which way it took, and what coordinating a team took."""
    if turn.interrupted:
        return {"status": "interrupted"}
    output = turn.output if isinstance(turn.output, dict) else {}
    found = {
        "status": _part(output.get("answer"), "status") or "done",
        "route": _part(output.get("decision"), "route"),
        "degraded": str(output.get("degraded") or ""),
        "cache": str(output.get("cache") or ""),
    }
    return {name: text for name, text in (found | coordinated(output.get("coordination"))).items() if text}


def coordinated(took: Any) -> dict[str, str]:
    """Return what coordinating a team took, and who gave tasks to whom."""
    if not isinstance(took, dict):
        return {}
    shares = {f"coordination_{name}": f"{took[name]:.0%}" for name in ("seconds", "tokens", "messages")}
    between = ", ".join(f"{pair} {count}" for pair, count in took.get("between", {}).items())
    again = {"tasks_given_again": str(took["again"])} if took.get("again") else {}
    return {**shares, "coordination_high": "yes" if took["high"] else "", "tasks_between": between, **again}


def _part(value: Any, name: str) -> str:
    return str(value.get(name, "")) if isinstance(value, dict) else ""
