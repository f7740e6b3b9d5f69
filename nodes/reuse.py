"""Gives a kept answer again where that is safe, and keeps the answers that are safe to give again."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from twintrack.core.answer_cache import CACHE_BROKEN, AnswerCache, Found, Kept, Walls
from twintrack.core.context import Identity
from twintrack.core.embeddings import Embedder
from twintrack.core.flights import Flights
from twintrack.core.passages import Citation, Passage
from twintrack.guardrails.citations import unresolved
from twintrack.memory.schemas import Recalled
from twintrack.nodes.known import about_user, known, noted
from twintrack.nodes.reusable import memory_used, shaped_here, unfit_answer, unfit_question
from twintrack.nodes.state import NOTHING_RECALLED, Draft, Lookup, State

log = logging.getLogger(__name__)
T = TypeVar("T")

PATIENCE_S = 0.5
"""How long a turn waits for one look-up: a cache that is slower than that is broken."""
NOBODY = ""
"""User id of nobody: what this one may read, everyone in the tenant may."""


class CitedCorpus(Protocol):
    """The part of a corpus that an answer's citations resolve in."""

    async def version(self, *, identity: Identity) -> str:
        """Return a name that changes whenever the caller's corpus does."""
        ...

    async def passage(self, passage_id: str, *, identity: Identity) -> Passage | None:
        """Return the passage, or None where it is gone or not this caller's to read."""
        ...


@dataclass(frozen=True, slots=True)
class Looked:
    """What one look into the cache brought."""

    lookup: Lookup
    walls: Walls | None = None
    found: tuple[Found, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reuse:
    """Looks before a track is chosen, keeps after the answer is out; broken, it only ever costs the saving."""

    cache: AnswerCache
    flights: Flights
    corpus: CitedCorpus
    embedder: Embedder
    prompt: str
    """Version of the prompts and of what else makes an answer."""
    model: str
    writes: bool
    """Whether a model writes the answers, so that what is remembered goes into them."""

    async def look(self, state: State, identity: Identity, locale: str) -> Looked:
        """Look for the question's answer; never raises."""
        lookup = Lookup(outcome="new", why="", began=time.time(), corpus="", memory="", flight="")
        if why := unfit_question(state["question"], state["messages"]):
            return Looked({**lookup, "outcome": "skipped", "why": why})
        try:
            async with asyncio.timeout(PATIENCE_S):
                corpus = await self.corpus.version(identity=identity)
                walls = self._walls(identity, corpus, state["question"], locale)
                found = await self._find(state["question"], walls)
        except CACHE_BROKEN as error:
            return Looked(_broken(lookup, error))
        return Looked({**lookup, "corpus": corpus}, walls, found)

    async def settle(self, looked: Looked, state: State, recalled: Recalled, *, thread_id: str) -> dict[str, Any]:
        """Give the kept answer where it may be given; else take the work on, or wait for who has."""
        if looked.walls is None:
            return _noted(looked.lookup)
        question = state["question"]
        if noted(question) or known(question, recalled["facts"]):
            return _noted({**looked.lookup, "outcome": "skipped", "why": "about the user"})
        memory = memory_used(recalled, state["messages"]) if self.writes else ""
        lookup: Lookup = {**looked.lookup, "memory": memory}
        try:
            if self._shaped_here(recalled, state):  # its answer will not be kept, so nobody is to wait for it
                async with asyncio.timeout(PATIENCE_S):
                    return await self._served(looked.found, lookup, looked.walls, question) or _noted(lookup)
            return await self._settled(replace(looked, lookup=lookup), looked.walls, question, thread_id)
        except CACHE_BROKEN as error:
            return _noted(_broken(lookup, error))

    async def keep(self, state: State, identity: Identity, locale: str, *, thread_id: str, tokens: int) -> None:
        """Keep the turn's answer if it may be given again, and tell those who wait; never raises."""
        lookup = state.get("lookup")
        if lookup is None or lookup["outcome"] != "new":
            return
        stored = await or_else(False, self._kept(state, lookup, identity, locale, thread_id, tokens))
        await asyncio.gather(
            or_else(None, self.cache.count(identity, misses=1, stored=int(stored))), self.give_up(lookup)
        )

    async def give_up(self, lookup: Lookup | None) -> None:
        """Tell those who wait that this turn's answer will not be kept; never raises."""
        if lookup is not None and lookup["flight"]:
            await or_else(None, self.flights.land(lookup["flight"]))

    def leave(self, thread_id: str) -> None:
        """Hold nobody back any more for a run that is over, however it ended."""
        self.flights.leave(thread_id)

    async def _settled(self, looked: Looked, walls: Walls, question: str, thread_id: str) -> dict[str, Any]:
        lookup = looked.lookup
        flight = self.cache.flight(question, walls, memory=lookup["memory"])
        wait_s = self.cache.settings.wait_s
        async with asyncio.timeout(PATIENCE_S):
            if update := await self._served(looked.found, lookup, walls, question):
                return update
            leads = await self.flights.take_off(flight, holder=thread_id, seconds=wait_s)
        if not leads and wait_s:

            async def look() -> dict[str, Any] | None:
                return await self._served(await self._find(question, walls), lookup, walls, question)

            update, leads = await self.flights.wait(flight, look, seconds=wait_s, holder=thread_id)
            if update:
                return update
        return _noted({**lookup, "flight": flight if leads else ""})

    async def _find(self, question: str, walls: Walls) -> tuple[Found, ...]:
        return await self.cache.look(question, await self.embedder.embed_one(question), walls)

    async def _served(
        self, found: tuple[Found, ...], lookup: Lookup, walls: Walls, question: str
    ) -> dict[str, Any] | None:
        """Return the update that answers the turn, with an answer whose citations this caller can read now."""
        for one in found:
            if not _meant_for(one, lookup["memory"], question):
                continue
            draft: Draft = {**one.kept["draft"]}  # type: ignore[typeddict-item] # it was a draft when it was kept
            if not await resolve(self.corpus, draft["citations"], walls.identity):
                await self.cache.drop(one.key)
                continue
            spared = max(0, one.kept["took_ms"] - _ms_since(lookup["began"]))
            counts = {f"hits_{one.how}": 1, "saved_ms": spared, "saved_tokens": one.kept["tokens"]}
            await self.cache.count(walls.identity, **counts)
            decision = {**(one.kept["decision"] or {}), "ms": 0.0, "tokens": 0}  # deciding cost nothing this time
            told = _noted({**lookup, "outcome": one.how, "why": ""})
            return {**told, "draft": draft, "decision": decision, "tried": ["direct"]}
        return None

    async def _kept(
        self, state: State, lookup: Lookup, identity: Identity, locale: str, thread_id: str, tokens: int
    ) -> bool:
        question, answer = state["question"], state["answer"]
        corpus = lookup["corpus"]
        if self._shaped_here(state.get("recalled", NOTHING_RECALLED), state):
            return False
        if unfit_answer(state) or corpus != await self.corpus.version(identity=identity):
            return False
        shared = not lookup["memory"] and await resolve(
            self.corpus, answer["citations"], Identity(identity.tenant_id, NOBODY)
        )
        kept = Kept(
            question=question,
            draft={**answer},
            decision={**decision} if (decision := state.get("decision")) else None,
            memory=lookup["memory"],
            took_ms=_ms_since(lookup["began"]),
            tokens=tokens,
            created_at=time.time(),
        )
        walls = replace(self._walls(identity, corpus, question, locale), shared=shared)
        vector = await self.embedder.embed_one(question)
        await self.cache.keep(kept, vector, walls, author=identity, thread_id=thread_id)
        return True

    def _shaped_here(self, recalled: Recalled, state: State) -> bool:
        return self.writes and shaped_here(recalled, state["messages"])

    def _walls(self, identity: Identity, corpus: str, question: str, locale: str) -> Walls:
        language = locale or self.cache.language(question)
        return Walls(
            identity=identity, route="direct", prompt=self.prompt, corpus=corpus, model=self.model, language=language
        )


async def resolve(corpus: CitedCorpus, citations: Sequence[Citation], identity: Identity) -> bool:
    """Tell whether the passages that the citations name still hold their quotes, and are this caller's to read."""
    passages = await asyncio.gather(*(corpus.passage(one["passage_id"], identity=identity) for one in citations))
    return not any(map(unresolved, citations, passages))


async def or_else(otherwise: T, work: Awaitable[T]) -> T:
    """Await the work for a moment; where it fails, the turn goes on without it."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await work
    except CACHE_BROKEN as error:
        log.warning("The answer cache did not do its part: %s", error)
        return otherwise


def _meant_for(found: Found, memory: str, question: str) -> bool:
    """Tell whether an answer fits what is remembered of the user: made with the same, or with nothing at all."""
    made_with = found.kept["memory"]
    return made_with == memory or (not made_with and not about_user(question))


def _noted(lookup: Lookup) -> dict[str, Any]:
    said = f"{lookup['outcome']}: {lookup['why']}" if lookup["why"] else lookup["outcome"]
    return {"lookup": lookup, "cache": said}


def _broken(lookup: Lookup, error: Exception) -> Lookup:
    log.warning("Answered without the answer cache: %s", error)
    return {**lookup, "outcome": "broken", "why": type(error).__name__}


def _ms_since(moment: float) -> int:
    return round((time.time() - moment) * 1000)
