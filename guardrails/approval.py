"""Asks a person about one tool call, as chat clients show it, and reads the decision."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from twintrack.guardrails.origins import told

ORIGINS = "origins"
"""Key of a request that says where values come from that the user did not say."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What a person decided about a call."""

    arguments: dict[str, Any] | None
    """What to call it with; None not to."""
    why_not: str = ""


def approval_request(
    agent: str,
    tool: str,
    arguments: Mapping[str, Any],
    doubts: Sequence[str],
    origins: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Return the interrupt payload of one call: what would be done, why a person is asked, and whose the values are."""
    said = f"{agent}: {tool}. Asked because {'; '.join(doubts)}.{told(origins)}"
    return {
        "action_requests": [{"name": tool, "args": dict(arguments), "description": said}],
        "review_configs": [{"action_name": tool, "allowed_decisions": ["approve", "edit", "reject"]}],
        ORIGINS: [dict(one) for one in origins],
    }


def decided(answer: Any, arguments: Mapping[str, Any]) -> Decided:
    """Read the answer to one request; what is not clearly an approval is none."""
    given = answer.get("decisions") if isinstance(answer, dict) else answer
    decision = given[0] if isinstance(given, list) and len(given) == 1 else None
    kind = decision.get("type") if isinstance(decision, dict) else None
    if kind == "approve":
        return Decided(dict(arguments))
    if kind == "edit" and (edited := _edited(decision)) is not None:
        return Decided(edited)
    said = decision.get("message") if kind == "reject" and isinstance(decision, dict) else None
    return Decided(None, f"A person did not approve this call{f': {said}' if isinstance(said, str) and said else '.'}")


def _edited(decision: Any) -> dict[str, Any] | None:
    action = decision.get("edited_action")
    arguments = action.get("args") if isinstance(action, dict) else None
    return dict(arguments) if isinstance(arguments, dict) else None
