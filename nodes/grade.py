"""Judge the evidence before an answer is built on it."""

from collections.abc import Callable
from typing import Any, Literal

from twintrack.nodes.extract import evidence
from twintrack.nodes.known import known, noted
from twintrack.nodes.state import NOTHING_RECALLED, DirectState


async def grade(state: DirectState) -> dict[str, Any]:
    """Measure how well the passages cover the question, and note that this track ran.

    What the user said of himself needs no document: that draft is written here.
    Weak evidence leaves the draft empty, so that the team gets a try; once the team
    has had it, the answer is written from what there is.
    """
    found = evidence(state["query"], state["passages"])
    tried = state.get("tried", [])
    facts = state.get("recalled", NOTHING_RECALLED)["facts"]
    draft = noted(state["question"]) or known(state["question"], facts)
    return {"evidence": found, "tried": [*tried, "direct"], "draft": draft}


def graded(weak: float) -> Callable[[DirectState], Literal["answer", "__end__"]]:
    """Return the router that lets strong evidence, or the last resort, through to `answer`."""

    def enough(state: DirectState) -> Literal["answer", "__end__"]:
        last_resort = "team" in state.get("tried", [])
        if state.get("draft"):
            return "__end__"
        return "answer" if last_resort or state["evidence"] >= weak else "__end__"

    return enough
