"""Let the answer out: check it with the output rails and put it into the conversation."""

from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig

from twintrack.guardrails import Policy
from twintrack.guardrails.citations import Citations
from twintrack.guardrails.refusals import refusal
from twintrack.guardrails.run_meter import meter_of, words_are_out
from twintrack.nodes.abstain import abstained
from twintrack.nodes.labels import also
from twintrack.nodes.speak import answer_id
from twintrack.nodes.state import Draft, State


async def release(state: State, config: RunnableConfig, *, policy: Policy) -> dict[str, Any]:
    """Turn the draft into the answer; without a draft the honest answer is to abstain."""
    draft = state.get("draft") or abstained(state["question"], state.get("passages", []), state.get("failure", ""))
    draft = _cited(draft, state)
    verdict = policy.check_output(draft["text"], sources=[citation["quote"] for citation in draft["citations"]])
    if verdict.blocked:
        draft = Draft(status="refused", text=verdict.reason, citations=[], reason=verdict.rail)
    elif verdict.text is not None:
        draft = Draft(**{**draft, "text": verdict.text})
    degraded = _degraded(state, config)
    label = {"degraded": degraded} if degraded else {}
    words_are_out(config)
    return {"answer": draft, "draft": draft, "messages": [_message(draft, state, degraded)], **label}


def _degraded(state: State, config: RunnableConfig) -> str:
    """Return the turn's label; a limit that was reached is said once, whoever ran into it."""
    said, meter = state.get("degraded", ""), meter_of(config)
    for label in meter.labels() if meter else ():
        if label.partition(": ")[2] not in said:
            said = also({"degraded": said}, label)
    return said


def _cited(draft: Draft, state: State) -> Draft:
    """Abstain from an answer out of documents that does not cite them."""
    if draft["status"] != "answered" or draft.get("rests_on", "documents") != "documents":
        return draft
    steps = state.get("steps", [])
    own = [state["question"], *(step["task"] for step in steps)]
    own += [step["text"] for step in steps if not step["citations"]]
    verdict = Citations().check(draft["text"], draft["citations"], own=own)
    if not verdict.blocked:
        return draft
    text = refusal("uncited", state["question"])
    return Draft(status="abstained", text=text, citations=[], reason="its citations do not hold")


def _message(draft: Draft, state: State, degraded: str) -> AIMessage:
    decision = state.get("decision")
    extra = {
        "status": draft["status"],
        "citations": draft["citations"],
        "route": decision["route"] if decision else "",
        "degraded": degraded,
    }
    return AIMessage(draft["text"], id=answer_id(state["messages"]), additional_kwargs=extra)
