"""Check every citation of a draft against the passage it names, and drop what does not hold."""

from typing import Any

from twintrack.core.passages import Citation, Passage
from twintrack.nodes.prompts import say
from twintrack.nodes.state import DirectState, Draft


async def verify(state: DirectState) -> dict[str, Any]:
    """Keep the citations whose quote stands in a retrieved passage; with none left, abstain."""
    draft = state.get("draft")
    if not draft or draft["status"] != "answered":
        return {}
    passages = {passage["id"]: passage for passage in state["passages"]}
    return {"draft": checked(state["question"], draft, passages)}


def checked(question: str, draft: Draft, passages: dict[str, Passage]) -> Draft:
    """Return the draft without citations that do not resolve."""
    good = [citation for citation in draft["citations"] if resolves(citation, passages.get(citation["passage_id"]))]
    if not good:
        return Draft(status="abstained", text=say("abstain", question), citations=[], reason="no citation resolved")
    text = draft["text"]
    for citation in draft["citations"]:
        if citation not in good:
            text = text.replace(f"[{citation['marker']}]", "")
    return Draft(status="answered", text=text.strip(), citations=good)


def resolves(citation: Citation, passage: Passage | None) -> bool:
    """Tell whether the quote stands in the passage at the place the citation says."""
    if passage is None or not citation["quote"]:
        return False
    start = citation["start"] - passage["start"]
    return passage["text"][start : start + len(citation["quote"])] == citation["quote"]
