"""The episodic tier: past turns and how they ended, found again when a question resembles them."""

import time
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any, cast

import numpy as np
from langchain_core.messages import AnyMessage, HumanMessage
from numpy.typing import NDArray

from twintrack.core.context import Identity
from twintrack.core.embeddings import Embedder
from twintrack.core.hybrid import Row
from twintrack.core.redis_client import RedisSource
from twintrack.memory.records import Record, Records, digest
from twintrack.memory.schemas import Episode, Turn
from twintrack.memory.shelf import Shelf, Way
from twintrack.memory.stems import query_stems, stems

VECTOR_WEIGHT = 0.2
NEIGHBOUR_BONUS = 0.75
CANDIDATES = 100


class Episodes:
    """Keeps and finds the past turns of each user."""

    def __init__(self, source: RedisSource, embedder: Embedder, *, ttl_days: int) -> None:
        self.embedder = embedder
        self.ttl_s = ttl_days * 86_400
        self.records = Records(source, embedder, "episode", ("thread", "status"))
        self.shelf = Shelf(source, "episode")

    async def add(self, turns: Sequence[Turn], *, identity: Identity) -> list[str]:
        """Keep turns; the same turn again overwrites itself. Return their ids."""
        if not turns:
            return []
        vectors = await self.embedder.embed([f"{turn.question}\n{turn.answer}".strip() for turn in turns])
        records = [record_of(turn, vector) for turn, vector in zip(turns, vectors, strict=True)]
        await self.records.write(identity, records, ttl_s=self.ttl_s)
        return [record.id for record in records]

    async def recall(
        self,
        question: str,
        vector: NDArray[np.float32],
        *,
        identity: Identity,
        limit: int,
        thread_id: str = "",
        in_window: Collection[str] = (),
    ) -> list[Episode]:
        """Return the past turns nearest to the question, best first.

        Turns of this thread whose id or question is among `in_window` are left out: the model sees them anyway.
        """
        if limit < 1:
            return []
        found = await self.records.search(
            query_stems(question), vector, identity=identity, vector_weight=VECTOR_WEIGHT, candidates=CANDIDATES
        )
        episodes = [cast(Episode, data) for data in _with_neighbours(found)]
        fresh = [each for each in episodes if each["thread_id"] != thread_id or not _seen(each, in_window)]
        return fresh[:limit]

    async def list(self, identity: Identity) -> list[Episode]:
        """Return the user's episodes, oldest first."""
        return [cast(Episode, data) for data in await self.records.find(identity)]

    async def delete(self, identity: Identity, episode_id: str) -> bool:
        """Delete one episode; tell whether it was there."""
        return await self.records.delete(identity, [episode_id]) > 0

    async def retract(self, identity: Identity, thread_id: str, way: Way) -> int:
        """Put a thread's undone episodes aside, and bring back those whose turns count again."""
        known = await self.records.find(identity, thread=thread_id)
        gone = await self.records.shelve(identity, self.shelf, [data for data in known if way.has_left(data)])
        for raw, ttl_ms in await self.shelf.take(identity, thread_id, way):
            await self.records.restore(identity, raw, ttl_ms)
        return gone


def _seen(episode: Episode, in_window: Collection[str]) -> bool:
    return episode["turn_id"] in in_window or episode["question"] in in_window


def record_of(turn: Turn, vector: NDArray[np.float32]) -> Record:
    """Return a turn as the episode that is stored of it."""
    created_at = time.time() if turn.created_at is None else turn.created_at
    before, ordinal = _context(turn.messages)
    episode = Episode(
        id=digest(turn.thread_id, turn.turn_id),
        thread_id=turn.thread_id,
        turn_id=turn.turn_id,
        checkpoint_id=turn.checkpoint_id,
        ordinal=ordinal,
        question=turn.question,
        answer=turn.answer,
        route=turn.route,
        status=turn.status,
        created_at=created_at,
    )
    return Record(
        id=episode["id"],
        words=stems(f"{_day(created_at)} {before} {turn.question} {turn.answer}"),
        vector=vector,
        created_at=created_at,
        data=episode,
        tags={"thread": turn.thread_id, "status": turn.status},
    )


def _context(messages: Sequence[AnyMessage]) -> tuple[str, int]:
    """Return the question before this turn's, which often names what this one calls "it", and this turn's number."""
    questions = [message.text for message in messages if isinstance(message, HumanMessage)]
    return questions[-2] if len(questions) > 1 else "", len(questions)


def _day(moment: float) -> str:
    """Return the day in the words of both languages, so that a question can name it."""
    day = datetime.fromtimestamp(moment, UTC)
    return f"{day:%d %B %Y %A} {day.year}年{day.month}月{day.day}日"


def _with_neighbours(found: Sequence[tuple[dict[str, Any], Row]]) -> list[dict[str, Any]]:
    """Order hits anew, each raised by the better of the turns right before and after it."""
    places = [(data["thread_id"], data["ordinal"]) for data, _ in found]
    raised = [row.score for _, row in found]
    scores = {place: score for place, score in zip(places, raised, strict=True) if place[1]}
    for at, (thread, number) in enumerate(places):
        beside = [place for place in ((thread, number - 1), (thread, number + 1)) if number and place in scores]
        if beside:
            raised[at] += NEIGHBOUR_BONUS * max(0.0, *(scores[place] for place in beside))
    return [found[at][0] for at in sorted(range(len(found)), key=raised.__getitem__, reverse=True)]
