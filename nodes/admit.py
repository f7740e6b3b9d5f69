"""Let a question in: clean it, check it, and empty what the last turn left."""

from typing import Any, Literal

from langchain_core.messages import AnyMessage, HumanMessage

from twintrack.guardrails import Policy, Verdict
from twintrack.nodes.state import NOTHING_RECALLED, InputState, State

REFUSED = "[refused]"
"""Stands in the conversation for what was blocked, so that nothing later reads it."""
_MARK = "refused_by"
NEW_TURN: dict[str, Any] = {
    "recalled": NOTHING_RECALLED,
    "decision": None,
    "degraded": "",
    "failure": "",
    "steps": [],
    "tried": [],
    "passages": [],
    "evidence": 0.0,
    "query": "",
    "coverage": None,
    "coordination": None,
    "cache": "",
    "lookup": None,
    "draft": None,
}
"""What a turn begins with: nothing of the last one."""


async def admit(state: InputState, *, policy: Policy) -> dict[str, Any]:
    """Check the last human message with the input rails; a blocked one becomes a refused draft."""
    message = _last_human(state["messages"])
    text = str(message.text) if message else ""
    verdict = (_refused_before(message) if message else None) or policy.check_inside(text)
    question = verdict.text if verdict.text is not None else text
    update = {**NEW_TURN, "question": question}
    if verdict.blocked:
        return update | {
            "draft": {"status": "refused", "text": verdict.reason, "citations": [], "reason": verdict.rail},
            "question": "",
            "messages": [HumanMessage(REFUSED, id=message.id)] if message else [],
        }
    if message is not None and question != text:
        update["messages"] = [HumanMessage(question, id=message.id)]
    return update


def admitted(state: State) -> Literal["recall", "refuse"]:
    """Send a blocked question to `refuse`."""
    draft = state.get("draft")
    return "refuse" if draft and draft["status"] == "refused" else "recall"


def refusal_mark(verdict: Verdict) -> dict[str, Any]:
    """Return what a message tells `admit` that stands for a question refused before the run began."""
    return {_MARK: {"rail": verdict.rail, "reason": verdict.reason}}


def _refused_before(message: HumanMessage) -> Verdict | None:
    mark = message.additional_kwargs.get(_MARK)
    if message.text != REFUSED or not isinstance(mark, dict):
        return None
    return Verdict(str(mark.get("rail", "")), "block", str(mark.get("reason", "")))


def _last_human(messages: list[AnyMessage]) -> HumanMessage | None:
    return next((message for message in reversed(messages) if isinstance(message, HumanMessage)), None)
