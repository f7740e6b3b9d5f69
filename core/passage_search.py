"""Finds the passages that bear on a question: candidates by words and meaning, their order, their neighbours."""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from twintrack.core.access import reach, readable_by
from twintrack.core.context import Identity
from twintrack.core.hybrid import HybridSearch, Row, Vector, hybrid, run
from twintrack.core.passages import Passage
from twintrack.core.passages_index import FIELDS, PassagesIndex, decoded, read_passage
from twintrack.core.query_words import asked_stems
from twintrack.core.redis_index import ContractIndex
from twintrack.core.reranker import Candidate, Reranker
from twintrack.core.settings import RetrievalSettings

_READ = ("access", *FIELDS)
_JUDGED = (*_READ, "words", "windows")
_TEXT, _WORDS, _WINDOWS = map(_JUDGED.index, ("text", "words", "windows"))


class _Found(NamedTuple):
    id: str
    score: float
    values: Sequence[Any]
    """Of the fields that were asked for, in their order and as Redis gave them: most are never looked at."""


@dataclass(frozen=True, slots=True)
class PassageSearch:
    """Searches one corpus."""

    index: ContractIndex
    layout: PassagesIndex
    settings: RetrievalSettings
    reranker: Reranker | None
    led: int = 0
    """Records that a question's leading words may stand in; 0 where the caller's tenant has few passages."""

    async def __call__(
        self, question: str, vector: Vector | asyncio.Future[Vector], *, identity: Identity, limit: int
    ) -> list[Passage]:
        """Return the passages nearest to the question by words and by meaning, best first."""
        search = self.candidates(question, vector, identity)
        depth = self.settings.reranked if self.reranker else 0
        rows = await hybrid(self.index, search, limit=max(limit, depth))
        found = await self._read(rows, _JUDGED if depth else _READ, identity)
        if self.reranker:
            made = vector if isinstance(vector, np.ndarray) else await vector
            found = await self._reordered(found, question, made)
        passages = [read_passage(one.id, _texts(one.values), score=_share(one.score)) for one in found[:limit]]
        return await self._with_neighbours(passages, identity) if self.settings.neighbours else passages

    def candidates(self, question: str, vector: Vector | asyncio.Future[Vector], identity: Identity) -> HybridSearch:
        """Return the search for what is looked at more closely."""
        return HybridSearch(
            index=self.index.name,
            words=asked_stems(question),
            vector=vector,
            filters=reach(identity),
            fields=(),
            vector_weight=self.settings.weight(question),
            vector_type=self.layout.vector_type,
            candidates=self.settings.candidates,
            led=self.led,
            beam=self.settings.hnsw_ef_runtime if self.led and self.layout.algorithm == "hnsw" else 0,
        )

    async def _read(self, rows: Sequence[Row], names: Sequence[str], identity: Identity) -> list[_Found]:
        """Fetch records; what is another tenant's or was dropped or given to other readers is left out."""
        own, readable = self.layout.passages_of(identity), readable_by(identity)
        rows = [row for row in rows if row.key.startswith(own)]
        replies = await run(self.index, [("HMGET", row.key, *names) for row in rows])
        # Nearly all passages have the same readers.
        shown = {access: readable(decoded(access)) for access in {values[0] for values in replies}}
        return [
            _Found(row.key.rpartition(":")[2], row.score, values)
            for row, values in zip(rows, replies, strict=True)
            if shown[values[0]]
        ]

    async def _reordered(self, found: Sequence[_Found], question: str, vector: Vector) -> list[_Found]:
        """Return the best found in the reranker's order, the others below them as they were."""
        assert self.reranker is not None  # noqa: S101 - asked by the one caller
        judged, rest = found[: self.settings.reranked], found[self.settings.reranked :]
        scores = await self.reranker.scores(question, vector, self._candidates(judged))
        placed = [_Found(one.id, score, one.values) for one, score in zip(judged, scores, strict=True)]
        lowest = min(scores, default=0.0)
        below = [_Found(one.id, min(one.score, lowest), one.values) for one in rest]
        return [*sorted(placed, key=lambda one: (-one.score, one.id)), *below]

    def _candidates(self, found: Sequence[_Found]) -> list[Candidate]:
        return [
            Candidate(
                score=one.score,
                text=decoded(one.values[_TEXT]),
                words=decoded(one.values[_WORDS]),
                windows=one.values[_WINDOWS],
            )
            for one in found
        ]

    async def _with_neighbours(self, passages: Sequence[Passage], identity: Identity) -> list[Passage]:
        """Return each passage followed by those that stand beside it in its document, none of them twice."""
        order: dict[str, float] = {}
        for passage in passages:
            for name in (passage["id"], *_beside(passage["id"], self.settings.neighbours)):
                order.setdefault(name, passage["score"])
        held = {passage["id"]: passage for passage in passages}
        missing = [name for name in order if name not in held]
        rows = [Row(self.layout.passage_key(name, identity), order[name], 0.0, 0.0, {}) for name in missing]
        for one in await self._read(rows, _READ, identity):
            held[one.id] = read_passage(one.id, _texts(one.values), score=one.score)
        return [held[name] for name in order if name in held]


def _beside(passage_id: str, reach_of: int) -> list[str]:
    """Return the ids of the passages up to so many places before and behind."""
    document, _, number = passage_id.rpartition("-")
    near = range(int(number) - reach_of, int(number) + reach_of + 1)
    return [f"{document}-{place}" for place in near if place >= 0 and place != int(number)]


def _texts(values: Sequence[Any]) -> dict[str, str]:
    return dict(zip(FIELDS, map(decoded, values[1:]), strict=False))


def _share(score: float) -> float:
    """Return a standard score as a share; the logistic curve keeps the order."""
    return 1 / (1 + math.exp(-score))
