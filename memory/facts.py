"""The long tier: lasting facts about one user, where a newer fact replaces the older one it contradicts."""

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from twintrack.core.context import Identity
from twintrack.core.embeddings import Embedder
from twintrack.core.keys import decode
from twintrack.core.redis_client import RedisSource
from twintrack.core.tokens import words
from twintrack.memory.records import Record, Records, digest
from twintrack.memory.schemas import Fact
from twintrack.memory.shelf import Shelf, Way
from twintrack.memory.statements import Statement, extract_facts
from twintrack.memory.stems import stems

__all__ = ["Added", "FactStore", "Origin", "Statement", "extract_facts"]

VECTOR_WEIGHT = 0.85
NEAR_DUPLICATE = 0.87
"""Cosine from which two facts without different topics say the same thing, or its newer version."""
VALID, INVALID = "valid", "invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where facts come from; retracted with it."""

    thread_id: str = ""
    turn_id: str = ""
    checkpoint_id: str = ""
    created_at: float | None = None
    """Unix time, in seconds; None means now."""


@dataclass(frozen=True, slots=True)
class Added:
    """What adding facts did."""

    new: list[str]
    replaced: list[str]


class FactStore:
    """Keeps, finds and replaces the facts of each user."""

    def __init__(self, source: RedisSource, embedder: Embedder) -> None:
        self.embedder = embedder
        self.records = Records(source, embedder, "fact", ("state", "hash", "topic", "thread", "replaced_by"))
        self.shelf = Shelf(source, "fact")

    async def add(self, statements: Iterable[Statement], *, identity: Identity, origin: Origin) -> Added:
        """Add facts; the same ones from the same turn again change nothing."""
        added = Added([], [])
        if not (listed := [*statements]):
            return added
        vectors = await self.embedder.embed([statement.text for statement in listed])
        for statement, vector in zip(listed, vectors, strict=True):
            await self._add_one(statement, vector, identity, origin, added)
        return added

    async def recall(self, question: str, vector: NDArray[np.float32], *, identity: Identity, limit: int) -> list[Fact]:
        """Return the facts that hold and bear most on the question, best first."""
        if limit < 1:
            return []
        rows = await self.records.search(
            stems(question),
            vector,
            identity=identity,
            vector_weight=VECTOR_WEIGHT,
            candidates=max(50, limit * 2),
            state=VALID,
        )
        return _newest_of_each([cast(Fact, data) for data, _ in rows])[:limit]

    async def list(self, identity: Identity, *, replaced: bool = False) -> list[Fact]:
        """Return the user's facts, oldest first; also those that no longer hold if `replaced`."""
        found = [cast(Fact, data) for data in await self.records.find(identity)]
        return [fact for fact in found if replaced or not fact["replaced_by"]]

    async def delete(self, identity: Identity, fact_id: str) -> bool:
        """Delete one fact; tell whether it was there."""
        return await self.records.delete(identity, [fact_id]) > 0

    async def retract(self, identity: Identity, thread_id: str, way: Way) -> int:
        """Put the facts of a thread's undone turns aside, and let those they replaced hold again.

        Those whose turns count again come back, and replace what they replaced.
        """
        known = await self.records.find(identity, thread=thread_id)
        gone = [data for data in known if way.has_left(data)]
        ids = {str(fact["id"]) for fact in gone}
        for fact_id in ids:
            for data in await self.records.find(identity, replaced_by=fact_id):
                if data["id"] not in ids:
                    revived = {**data, "invalid_at": 0.0, "replaced_by": ""}
                    await self.records.change(identity, data["id"], revived, state=VALID, replaced_by="")
        count = await self.records.shelve(identity, self.shelf, gone)
        for raw, _ in await self.shelf.take(identity, thread_id, way):
            fact: Fact = {**cast(Fact, json.loads(raw[b"data"])), "invalid_at": 0.0, "replaced_by": ""}
            vector = np.frombuffer(raw[b"vector"], np.float32)
            await self._enter(fact, vector, decode(raw[b"hash"].decode()), identity, Added([], []))
        return count

    async def _add_one(
        self, statement: Statement, vector: NDArray[np.float32], identity: Identity, origin: Origin, added: Added
    ) -> None:
        same_words = digest(" ".join(words(statement.text)))
        fact_id = digest(origin.thread_id, origin.turn_id, same_words)
        if await self.records.get(identity, fact_id):
            return
        holding = await self.records.find(identity, state=VALID, hash=same_words)
        if holding:
            return
        await self._enter(_fact(fact_id, statement, origin), vector, same_words, identity, added)

    async def _enter(
        self, fact: Fact, vector: NDArray[np.float32], same_words: str, identity: Identity, added: Added
    ) -> None:
        fact_id = fact["id"]
        rivals = await self._rivals(fact, vector, identity)
        newer = [rival for rival in rivals if rival["created_at"] > fact["created_at"]]
        if newer:
            fact = _ended(fact, by=newer[0])
        await self.records.write(identity, [record_of(fact, vector, same_words)])
        added.new.append(fact_id)
        for rival in rivals:
            if rival not in newer:
                ended = _ended(rival, by=fact)
                await self.records.change(identity, rival["id"], ended, state=INVALID, replaced_by=fact_id)
                added.replaced.append(rival["id"])

    async def _rivals(self, fact: Fact, vector: NDArray[np.float32], identity: Identity) -> Sequence[Fact]:
        """Return the facts that hold and say the same, or something else about the same topic."""
        near = await self.records.search([], vector, identity=identity, vector_weight=1.0, candidates=5, state=VALID)
        rivals = [cast(Fact, data) for data, row in near if row.similarity >= NEAR_DUPLICATE]
        rivals = [rival for rival in rivals if not (rival["topic"] and fact["topic"])]
        if fact["topic"]:
            rivals += [cast(Fact, data) for data in await self.records.find(identity, state=VALID, topic=fact["topic"])]
        return list({rival["id"]: rival for rival in rivals}.values())


def _fact(fact_id: str, statement: Statement, origin: Origin) -> Fact:
    return Fact(
        id=fact_id,
        text=statement.text,
        topic=statement.topic,
        created_at=time.time() if origin.created_at is None else origin.created_at,
        invalid_at=0.0,
        replaced_by="",
        thread_id=origin.thread_id,
        checkpoint_id=origin.checkpoint_id,
    )


def _ended(fact: Fact, *, by: Fact) -> Fact:
    return Fact(**{**fact, "invalid_at": by["created_at"], "replaced_by": by["id"]})


def record_of(fact: Fact, vector: NDArray[np.float32], same_words: str) -> Record:
    """Return a fact as it is stored."""
    return Record(
        id=fact["id"],
        words=stems(fact["text"]),
        vector=vector,
        created_at=fact["created_at"],
        data=fact,
        tags={
            "state": INVALID if fact["replaced_by"] else VALID,
            "hash": same_words,
            "topic": fact["topic"],
            "thread": fact["thread_id"],
            "replaced_by": fact["replaced_by"],
        },
    )


def _newest_of_each(facts: Sequence[Fact]) -> list[Fact]:
    """Keep the newest fact of each topic: two turns at once may have left one each."""
    newest: dict[str, Fact] = {}
    for fact in facts:
        name = fact["topic"] or fact["id"]
        if name not in newest or fact["created_at"] > newest[name]["created_at"]:
            newest[name] = fact
    return [fact for fact in facts if newest[fact["topic"] or fact["id"]] is fact]
