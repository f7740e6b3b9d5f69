"""A memory of made-up users, one with many records among others with few, for timing a recall in it."""

import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import numpy as np
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from numpy.typing import NDArray

from twintrack.bench.synthetic_corpus import BATCH, WHO, Tick, Vocabulary, drawn
from twintrack.core.context import Identity
from twintrack.core.embeddings import Embedder
from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import MemorySettings
from twintrack.memory.episodes import record_of as episode_record
from twintrack.memory.facts import record_of as fact_record
from twintrack.memory.records import Record
from twintrack.memory.schemas import Fact, Turn
from twintrack.memory.summary import EMPTY, before_window, summarised
from twintrack.memory.tiers import Memory

THREAD = "bench-memory"
_SAID = 15
"""Words of a fact, and of an episode's question."""
_TURNS = 20
"""Turns of a thread."""


class OwnName:
    """An embedder under a name of its own, so that its records have indexes of their own."""

    def __init__(self, inner: Embedder) -> None:
        self.inner = inner
        self.name = f"bench:{uuid.uuid4().hex[:8]}"

    @property
    def dims(self) -> int:
        """Return the length of a vector."""
        return self.inner.dims

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one row per text."""
        return await self.inner.embed(texts)

    async def embed_one(self, text: str) -> NDArray[np.float32]:
        """Return the vector of one text."""
        return await self.inner.embed_one(text)


@dataclass(frozen=True, slots=True)
class Remembering:
    """A filled memory."""

    memory: Memory
    facts: list[Record]
    """Those of the user who asks."""
    episodes: list[Record]
    talk: list[AnyMessage]
    """His conversation, whose beginning is summarised."""
    questions: list[str]


@asynccontextmanager
async def filled_memory(
    source: RedisSource,
    embedder: Embedder,
    settings: MemorySettings,
    *,
    records: int,
    users: int,
    questions: int,
    tick: Tick,
) -> AsyncIterator[Remembering]:
    """Fill a memory of its own, and drop it with everything in it at the end."""
    memory, dice = Memory(source, OwnName(embedder), settings), np.random.default_rng(7)
    tiers = (memory.facts.records, memory.episodes.records)
    indexes = [await tier.index() for tier in tiers]
    try:
        vocabulary, count = Vocabulary(dice), records + (users - 1) * max(2, records // 10)
        texts, vectors = await drawn(embedder, vocabulary, dice, count, tick)
        half = records // 2
        facts = [_fact(text, vector) for text, vector in zip(texts[0::2], vectors[0::2], strict=True)]
        episodes = [_episode(place, texts[2 * place + 1], vectors[2 * place + 1]) for place in range(count // 2)]
        for tier, made, kind in zip(tiers, (facts, episodes), ("facts", "episodes"), strict=True):
            for start, identity, some in _shared_out(made, half, users):
                await tier.write(identity, some)
                tick(start, len(made), kind)
        talk = _talk(texts)
        gone = before_window(talk, memory.window(talk))
        await memory.summaries.write(WHO, THREAD, summarised(EMPTY, gone, max_chars=settings.summary_chars))
        asked = [vocabulary.question(texts[place]) for place in dice.integers(0, records, questions)]
        yield Remembering(memory, facts[:half], episodes[:half], talk, asked)
    finally:
        await memory.summaries.write(WHO, THREAD, EMPTY)
        for index in indexes:
            await index.delete(drop=True)


def _shared_out(made: Sequence[Record], first: int, users: int) -> Iterator[tuple[int, Identity, Sequence[Record]]]:
    """Yield the records in batches, each with its owner: the first many are one user's, the others' take turns."""
    for start in range(0, first, BATCH):
        yield start, WHO, made[start : min(start + BATCH, first)]
    for other in range(users - 1):
        yield first, Identity(WHO.tenant_id, f"other{other}"), made[first + other :: users - 1]


def _split(text: str) -> tuple[str, str]:
    words = text.split()
    return " ".join(words[:_SAID]), " ".join(words[_SAID:])


def _fact(text: str, vector: NDArray[np.float32]) -> Record:
    said = uuid.uuid4().hex
    fact = Fact(
        id=said,
        text=_split(text)[0],
        topic="",
        created_at=1.0,
        invalid_at=0.0,
        replaced_by="",
        thread_id=THREAD,
        checkpoint_id="",
    )
    return fact_record(fact, vector, said)


def _episode(place: int, text: str, vector: NDArray[np.float32]) -> Record:
    question, answer = _split(text)
    turn = Turn(
        thread_id=f"thread{place // _TURNS}",
        turn_id=f"turn{place}",
        question=question,
        answer=answer,
        route="direct",
        status="answered",
        created_at=1.0 + place,
        messages=[HumanMessage(question)] * (place % _TURNS + 1),
    )
    return episode_record(turn, vector)


def _talk(texts: Sequence[str]) -> list[AnyMessage]:
    pairs = [_split(text) for text in texts[:_TURNS]]
    return [
        message
        for place, (question, answer) in enumerate(pairs)
        for message in (HumanMessage(question, id=f"q{place}"), AIMessage(answer, id=f"a{place}"))
    ]
