"""One face of the three memory tiers: recall before a turn, remember after it, export and erase on request."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, TypeVar

import numpy as np
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AnyMessage, HumanMessage
from numpy.typing import NDArray
from redis.exceptions import RedisError
from redisvl.exceptions import RedisVLError

from twintrack.core.answer_cache import answers_of, forget_answers
from twintrack.core.context import Identity
from twintrack.core.embeddings import Embedder
from twintrack.core.errors import Unavailable
from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import MemorySettings
from twintrack.memory.episodes import Episodes
from twintrack.memory.facts import Added, FactStore, Origin, Statement, extract_facts
from twintrack.memory.records import owned_keys
from twintrack.memory.schemas import Recalled, Remembered, Summary, Turn
from twintrack.memory.shelf import KIND as UNDONE
from twintrack.memory.shelf import Way, told
from twintrack.memory.summary import EMPTY, SummaryStore, before_window, summarise, summarised
from twintrack.memory.vault import vault_key
from twintrack.memory.working import window

log = logging.getLogger(__name__)
T = TypeVar("T")

BROKEN = (RedisError, RedisVLError, Unavailable, OSError, TimeoutError)
"""What makes a tier do without, rather than fail the turn."""
TRUE_ENOUGH = frozenset({"answered", "abstained"})
"""Only such a turn's statements become facts: a refused one may hold an attack."""
NOT_KEPT = frozenset({"refused", "interrupted"})
NOTHING_ADDED = Added([], [])
KINDS = ("fact.*", "episode.*", "summary")

Writer = Callable[[], BaseChatModel | None]


def _nobody() -> None:
    """Stand where no model writes."""


class Memory:
    """The short, long and episodic tier of every user; each call is held to one identity."""

    def __init__(
        self, source: RedisSource, embedder: Embedder, settings: MemorySettings, *, writer: Writer = _nobody
    ) -> None:
        """Hold what `writer` gives for the model that writes summaries; without one they are quoted."""
        self.source = source
        self.settings = settings
        self.writer = writer
        self.facts = FactStore(source, embedder)
        self.episodes = Episodes(source, embedder, ttl_days=settings.episode_days)
        self.summaries = SummaryStore(source, ttl_days=settings.summary_days)

    def window(self, messages: Sequence[AnyMessage]) -> list[AnyMessage]:
        """Return the messages a model sees word for word."""
        limits = self.settings
        return window(messages, max_messages=limits.window_messages, max_tokens=limits.window_tokens)

    async def recall(
        self,
        question: str,
        vector: NDArray[np.float32],
        *,
        identity: Identity,
        thread_id: str,
        messages: Sequence[AnyMessage] = (),
    ) -> Recalled:
        """Return what the three tiers know that bears on the question; a broken tier knows nothing."""
        kept = self.window(messages)
        asked = {part for message in kept if isinstance(message, HumanMessage) for part in (message.id, message.text)}
        facts = self.facts.recall(question, vector, identity=identity, limit=self.settings.facts_limit)
        episodes = self.episodes.recall(
            question,
            vector,
            identity=identity,
            limit=self.settings.episodes_limit,
            thread_id=thread_id,
            in_window={part for part in asked if part},
        )
        gone = before_window(messages, kept)
        # A thread that is asked about without its messages is known by its summary alone.
        summary = self._summary(identity, thread_id, gone, messages) if gone or not messages else None
        known, past, said = await _at_once(
            _or("facts", facts, []), _or("episodes", episodes, []), summary and _or("summaries", summary, EMPTY)
        )
        return Recalled(summary=(said or EMPTY)["text"], facts=known, episodes=past)

    async def remember(self, turn: Turn, *, identity: Identity) -> Remembered:
        """Keep what one finished turn leaves behind; again with the same turn changes nothing."""
        said = extract_facts(turn.question) if turn.status in TRUE_ENOUGH else []
        gone = before_window(turn.messages, self.window(turn.messages))
        added, episodes, summary = await _at_once(
            _or("facts", self._learn(turn, said, identity), NOTHING_ADDED) if said else None,
            _or("episodes", self.episodes.add([turn], identity=identity), []) if turn.status not in NOT_KEPT else None,
            _or("summaries", self._summarise(turn, gone, identity), EMPTY) if gone else None,
        )
        return Remembered(
            facts=(added or NOTHING_ADDED).new,
            replaced=(added or NOTHING_ADDED).replaced,
            episode=episodes[0] if episodes else "",
            summarised=bool(summary and summary["text"]),
        )

    async def forget(self, identity: Identity, record_id: str) -> bool:
        """Delete one fact or episode of the user; tell whether it was there."""
        return await self.facts.delete(identity, record_id) or await self.episodes.delete(identity, record_id)

    async def retract(self, identity: Identity, thread_id: str, *, after: float, versions: Sequence[str] = ()) -> int:
        """Take back what a thread left in memory after a moment, as its rollback does; return how many records.

        With `versions`, those that lead to where the thread stands, newest first, what was taken back of a turn among
        them is there again.
        """
        way = Way(versions, after)
        counts = await asyncio.gather(
            self.facts.retract(identity, thread_id, way),
            self.episodes.retract(identity, thread_id, way),
            forget_answers(self.source.client(), identity, thread_id=thread_id, after=after),
        )
        await self.summaries.write(identity, thread_id, EMPTY)
        return sum(counts)

    async def leave(self, identity: Identity, thread_id: str, *, forget: bool) -> None:
        """Drop what only serves a thread that is deleted; with `forget` also what was learnt on it."""
        if forget:
            await self.retract(identity, thread_id, after=0)
        await self.summaries.write(identity, thread_id, EMPTY)
        await self.facts.shelf.clear(identity, thread_id)

    async def export(self, user: Identity | str, *, tenant_id: str = "default") -> AsyncIterator[dict[str, Any]]:
        """Yield every record the user has in memory, each with its tier, and the answers kept of his turns."""
        client, identity = self.source.client(), _identity(user, tenant_id)
        for kinds in KINDS:
            tier = kinds.split(".")[0]
            async for name in owned_keys(client, identity, kinds):
                raw = await (client.get(name) if tier == "summary" else client.hget(name, "data"))
                if raw:
                    yield {"tier": tier, **json.loads(raw)}
        async for name in owned_keys(client, identity, UNDONE):
            values: Any = await client.hvals(name.decode())
            for value in values:
                yield {"tier": UNDONE, **told(value)}
        async for answer in answers_of(client, identity):
            yield {"tier": "answer", **answer}

    async def erase(self, user: Identity | str, *, tenant_id: str = "default") -> int:
        """Delete everything the user has in memory, and what their placeholders stand for; return how many records there were."""
        client, identity = self.source.client(), _identity(user, tenant_id)
        aside = [await client.hlen(name.decode()) async for name in owned_keys(client, identity, UNDONE)]
        await self._drop(identity, UNDONE)
        kept = [await self._drop(identity, kinds) for kinds in KINDS]
        answers = await forget_answers(client, identity)
        await client.delete(vault_key(identity))
        return sum(aside) + sum(kept) + answers

    async def _drop(self, identity: Identity, kinds: str) -> int:
        client, count = self.source.client(), 0
        names = [name async for name in owned_keys(client, identity, kinds)]
        for start in range(0, len(names), 500):
            count += await client.delete(*names[start : start + 500])
        return count

    async def _summary(
        self, identity: Identity, thread_id: str, gone: Sequence[AnyMessage], messages: Sequence[AnyMessage]
    ) -> Summary:
        stored = await self.summaries.read(identity, thread_id)
        # What was stored may be ahead of these messages, or of turns since rolled back: then it is made anew.
        return summarised(stored, gone, max_chars=self.settings.summary_chars) if messages else stored

    async def _learn(self, turn: Turn, said: Sequence[Statement], identity: Identity) -> Added:
        origin = Origin(
            thread_id=turn.thread_id,
            turn_id=turn.turn_id,
            checkpoint_id=turn.checkpoint_id,
            created_at=turn.created_at,
        )
        return await self.facts.add(said, identity=identity, origin=origin)

    async def _summarise(self, turn: Turn, gone: Sequence[AnyMessage], identity: Identity) -> Summary:
        stored = await self.summaries.read(identity, turn.thread_id)
        model, most = self.writer(), self.settings.summary_chars
        if model is None:
            summary = summarised(stored, gone, max_chars=most)
        else:
            summary = await summarise(stored, gone, model, max_chars=most)
        await self.summaries.write(identity, turn.thread_id, summary)
        return summary


def _identity(user: Identity | str, tenant_id: str) -> Identity:
    return user if isinstance(user, Identity) else Identity(tenant_id, user)


async def _at_once(*given: Awaitable[Any] | None) -> list[Any]:
    """Return what comes of each, None where there is nothing to do; a task each only where it is more than one."""
    doing = [work for work in given if work is not None]
    done = iter([await doing[0]] if len(doing) == 1 else await asyncio.gather(*doing))
    return [None if work is None else next(done) for work in given]


async def _or(tier: str, work: Awaitable[T], otherwise: T) -> T:
    try:
        return await work
    except BROKEN as error:
        log.warning("Memory does without its %s this turn: %s", tier, error)
        return otherwise
