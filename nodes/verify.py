"""Check every citation of a draft against the passage it names, and every claim against what it cites."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from langchain_core.language_models import BaseChatModel
from langgraph.runtime import Runtime

from twintrack.core.context import Context, Identity, identity_of
from twintrack.core.errors import TwintrackError
from twintrack.core.passages import Passage
from twintrack.guardrails import Policy
from twintrack.guardrails.citations import unresolved
from twintrack.nodes.abstain import abstained
from twintrack.nodes.claims import Claim, cited_claims, marks, without, without_claims
from twintrack.nodes.judge import judge
from twintrack.nodes.labels import also
from twintrack.nodes.prompts import say
from twintrack.nodes.speak import Speaker
from twintrack.nodes.state import DirectState, Draft, TeamState
from twintrack.nodes.support import supported


class Passages(Protocol):
    """Where stored passages are read again."""

    async def passage(self, passage_id: str, *, identity: Identity) -> Passage | None:
        """Return the passage, or None where it is gone or not this caller's to read."""
        ...


async def verify(
    state: DirectState, *, model: BaseChatModel | None = None, policy: Policy | None = None
) -> dict[str, Any]:
    """Keep what its passages bear out, by its words and then by a judge where one is set; with nothing left, abstain.

    What a judge has to hear first is spoken here, once it is judged.
    """
    draft = state.get("draft")
    if not draft or draft["status"] != "answered":
        return {}
    passages = {passage["id"]: passage for passage in state["passages"]}
    draft = checked(state["question"], draft, passages)
    if model is None or draft["status"] != "answered":
        return {"draft": draft}
    update = await _judged(state, draft, passages, model, whole=True)
    if policy is not None and update["draft"]["status"] == "answered":
        sources = [passage["text"] for passage in state["passages"]]
        Speaker(state["messages"], policy, sources).say(update["draft"]["text"])
    return update


async def verify_findings(
    state: TeamState, runtime: Runtime[Context], *, corpus: Passages, model: BaseChatModel | None = None
) -> dict[str, Any]:
    """Read again each passage the team cites; what an agent made up, or may not read, does not hold."""
    draft = state.get("draft")
    if not draft or not draft["citations"]:
        return {}
    identity = identity_of(runtime)
    names = list(dict.fromkeys(citation["passage_id"] for citation in draft["citations"]))
    found = await asyncio.gather(*(corpus.passage(name, identity=identity) for name in names))
    passages = {name: passage for name, passage in zip(names, found, strict=True) if passage is not None}
    draft = checked(state["question"], draft, passages)
    if model is None or draft["status"] != "answered":
        return {"draft": draft}
    return await _judged(state, draft, passages, model, whole=False)


def checked(question: str, draft: Draft, passages: Mapping[str, Passage]) -> Draft:
    """Return the draft without citations that do not resolve, and without what only they vouch for."""
    bad = [one for one in draft["citations"] if unresolved(one, passages.get(one["passage_id"]))]
    good = [one for one in draft["citations"] if one not in bad]
    if not good:
        return abstained(question, passages.values(), say("no citation", question))
    if bad:
        quotes = [citation["quote"] for citation in draft["citations"]]
        text = without(draft["text"], {citation["marker"] for citation in bad}, quotes)
        draft = Draft(**{**draft, "text": text, "citations": good})
    return _kept(question, draft, _unsupported(question, draft, passages), passages)


def _unsupported(question: str, draft: Draft, passages: Mapping[str, Passage]) -> list[Claim]:
    """Return the claims that the words, names and numbers of their passages do not bear out."""
    held = _by_marker(draft, passages)
    return [
        claim
        for claim in cited_claims(draft["text"], draft["citations"])
        if not claim.verbatim and not supported(claim.text, _told(claim, held), question)
    ]


def _told(claim: Claim, held: Mapping[int, Passage]) -> str:
    return "\n".join(f"{one['title']}\n{one['text']}" for number in claim.markers if (one := held.get(number)))


def _by_marker(draft: Draft, passages: Mapping[str, Passage]) -> dict[int, Passage]:
    return {one["marker"]: passages[one["passage_id"]] for one in draft["citations"] if one["passage_id"] in passages}


def _kept(question: str, draft: Draft, bad: Iterable[Claim], passages: Mapping[str, Passage]) -> Draft:
    """Return the draft without some claims, and without the citations that then vouch for nothing."""
    if not (dropped := list(bad)):
        return draft
    text = without_claims(draft["text"], dropped)
    said = {int(mark[1]) for mark in marks(text, [one["quote"] for one in draft["citations"]])}
    good = [one for one in draft["citations"] if one["marker"] in said]
    if not good:
        return abstained(question, passages.values(), say("no claim", question))
    return Draft(**{**draft, "text": text, "citations": good})


async def _judged(
    state: DirectState | TeamState, draft: Draft, passages: Mapping[str, Passage], model: BaseChatModel, *, whole: bool
) -> dict[str, Any]:
    """Ask the judge; where it fails the draft stays as its words bear it out, and the answer says so."""
    question = state["question"]
    found = cited_claims(draft["text"], draft["citations"])
    try:
        answers, bad = await judge(question, found, _by_marker(draft, passages), model)
    except TwintrackError as error:
        return {"draft": draft, "degraded": also(state, f"not judged: {error.problem}")}
    if whole and not answers:
        return {"draft": abstained(question, passages.values(), say("not judged right", question))}
    return {"draft": _kept(question, draft, [found[place] for place in sorted(bad)], passages)}
