"""End a turn that has no answer to release: refused at the door, or broken on the way."""

from typing import Any

from langchain_core.messages import AIMessage

from twintrack.nodes.prompts import say
from twintrack.nodes.state import Draft, State


async def refuse(state: State) -> dict[str, Any]:
    """Answer a blocked question with the rail's reason."""
    draft = state.get("draft") or Draft(status="refused", text=say("empty", ""), citations=[])
    return _ending(draft)


async def fail(state: State) -> dict[str, Any]:
    """Answer a turn that broke with a labelled apology, never with the raw error."""
    text = say("failed", state.get("question", ""))
    return _ending(Draft(status="failed", text=text, citations=[], reason=state.get("failure", "")))


def _ending(draft: Draft) -> dict[str, Any]:
    message = AIMessage(draft["text"], additional_kwargs={"status": draft["status"]})
    return {"answer": draft, "draft": draft, "messages": [message]}
