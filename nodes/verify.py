"""Check every citation of a draft against the passage it names, and drop what does not hold."""

import asyncio
from collections.abc import Mapping
from typing import Any, Protocol

from langgraph.runtime import Runtime

from twintrack.core.context import Context, Identity, identity_of
from twintrack.core.passages import Passage
from twintrack.guardrails.citations import unresolved
from twintrack.nodes.claims import without
from twintrack.nodes.prompts import say
from twintrack.nodes.state import DirectState, Draft, TeamState


class Passages(Protocol):
    """Where stored passages are read again."""

    async def passage(self, passage_id: str, *, identity: Identity) -> Passage | None:
        """Return the passage, or None where it is gone or not this caller's to read."""
        ...


async def verify(state: DirectState) -> dict[str, Any]:
    """Keep the citations whose quote stands in a retrieved passage; with none left, abstain."""
    draft = state.get("draft")
    if not draft or draft["status"] != "answered":
        return {}
    passages = {passage["id"]: passage for passage in state["passages"]}
    return {"draft": checked(state["question"], draft, passages)}


async def verify_findings(state: TeamState, runtime: Runtime[Context], *, corpus: Passages) -> dict[str, Any]:
    """Read again each passage the team cites; what an agent made up, or may not read, does not hold."""
    draft = state.get("draft")
    if not draft or not draft["citations"]:
        return {}
    identity = identity_of(runtime)
    names = list(dict.fromkeys(citation["passage_id"] for citation in draft["citations"]))
    found = await asyncio.gather(*(corpus.passage(name, identity=identity) for name in names))
    passages = {name: passage for name, passage in zip(names, found, strict=True) if passage is not None}
    return {"draft": checked(state["question"], draft, passages)}


def checked(question: str, draft: Draft, passages: Mapping[str, Passage]) -> Draft:
    """Return the draft without citations that do not resolve, and without what only they vouch for."""
    bad = [one for one in draft["citations"] if unresolved(one, passages.get(one["passage_id"]))]
    good = [one for one in draft["citations"] if one not in bad]
    if not good:
        return Draft(status="abstained", text=say("abstain", question), citations=[], reason="no citation resolved")
    if not bad:
        return draft
    quotes = [citation["quote"] for citation in draft["citations"]]
    text = without(draft["text"], {citation["marker"] for citation in bad}, quotes)
    return Draft(**{**draft, "text": text, "citations": good})
