"""Finds records by meaning and by words in one round trip, and mixes the two rankings."""

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from redis.exceptions import RedisError

from twintrack.core.rare_words import rarest
from twintrack.core.redis_errors import is_missing_index
from twintrack.core.redis_index import ContractIndex
from twintrack.core.redis_wire import together
from twintrack.core.search_replies import BARE, Fields, listed, nearest, numbers, raw, scores
from twintrack.core.standard_score import standard
from twintrack.core.whole_unions import unions_whole

MAX_WORDS = 64
NOBODY = "%%"
"""A value that no tag has, since no encoded name holds it."""
_WORD = re.compile(r"\w+")
Vector = NDArray[np.float32]


class Row(NamedTuple):
    """One record found."""

    key: str
    score: float
    """Mixed score; comparable within one search only."""
    similarity: float
    """Cosine with the question; the lowest one seen where only words found the record."""
    text_score: float
    """BM25 of the words; 0 where only the vector found the record."""
    fields: Fields
    """As Redis gave them, not decoded: most are never looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HybridSearch:
    """One question to one index, as commands that may share a pipeline with others."""

    index: str
    words: Sequence[str]
    """Words to look up; one that stands twice counts twice."""
    vector: Vector | Awaitable[Vector]
    """The question's; where it is still being made, its words are looked up meanwhile."""
    filters: Mapping[str, str | tuple[str, ...]]
    """TAG fields and the exact value each must have, or the values of which it must have one."""
    fields: Sequence[str]
    vector_weight: float
    text_field: str = "words"
    vector_field: str = "vector"
    vector_type: Literal["float32", "float16"] = "float32"
    candidates: int = 50
    led: int = 0
    """Records that the rarest words stand in together which must be in what is found, as is quicker among very many;
    0 lets any word find."""
    beam: int = 0
    """How widely the vector index is walked; 0 leaves it to the server, which compares every record that passes."""

    def by_vector(self, vector: Vector) -> tuple[Any, ...]:
        """Return the search by vector."""
        nearest = f"[KNN {self.candidates} @{self.vector_field} $vector{self._walk()} AS distance]"
        return (
            *("FT.SEARCH", self.index, f"{self._wall()}=>{nearest}"),
            *("PARAMS", 2, "vector", np.asarray(vector, self.vector_type).tobytes(), "SORTBY", "distance"),
            *("RETURN", len(self.fields) + 1, "distance", *self.fields, *self._page()),
        )

    def by_words(self, *, one_wall: bool = False, led_by: Collection[str] = ()) -> list[tuple[Any, ...]]:
        """Return the search by words; nothing where there are none.

        Args:
            one_wall: Whether the server counts all words behind one wall; else each has one of its own.
            led_by: Words of which a record must hold one, where all stand behind one wall: the others then add to its
                score alone. Without it each word finds records.
        """
        text = self._text(one_wall, led_by)
        # Most that words find the vector finds too, so fields come with it alone; `hybrid` fetches the few missing.
        scored = ("NOCONTENT", "VERBATIM", "WITHSCORES", "SCORER", "BM25STD")
        return [("FT.SEARCH", self.index, text, *scored, *self._page())] if text else []

    def _text(self, one_wall: bool, led_by: Collection[str]) -> str:
        """Return the query for the words; empty where there are none."""
        # What the wall matches is no word: it weighs nothing. It stands last, or the parser weighs all that follows
        # like it. Stemming would put unions of its own before it, hence VERBATIM.
        wall, counts = f"{self._wall()}=>{{$weight: 0}}", terms(self.words)

        def said(word: str, mark: str = "") -> str:
            alone = f"{mark}@{self.text_field}:{word}"
            # A weight is heeded of what stands together, not of a word alone.
            return alone if one_wall and counts[word] == 1 else f"({alone} {wall})=>{{$weight: {counts[word]}}}"

        any_of = "|".join(said(word) for word in counts if not led_by or word in led_by)
        also = [said(word, "~") for word in counts if led_by and word not in led_by]
        return " ".join((f"({any_of})", *also, wall)) if one_wall and any_of else any_of

    def _wall(self) -> str:
        return f"({tags(self.filters)})"

    def _page(self) -> tuple[Any, ...]:
        return ("LIMIT", 0, self.candidates, "DIALECT", 2)

    def _walk(self) -> str:
        if not self.beam:
            return ""
        # Without a policy the server compares what passes the wall one by one, also where that is a hundred thousand.
        beam = max(self.beam, self.candidates)
        return f" HYBRID_POLICY BATCHES BATCH_SIZE {min(beam, 2 * self.candidates)} EF_RUNTIME {beam}"

    def read(self, replies: Sequence[Any], limit: int | None = None) -> list[Row]:
        """Return the best of what the commands' replies hold; what only words found is without its fields."""
        text_score, near = scores(replies[1]) if len(replies) > 1 else {}, nearest(replies[0])
        apart = {key: values[b"distance"] for key, values in near.items() if values}
        similarity = dict(zip(apart, [1.0 - distance for distance in numbers(apart.values())], strict=True))
        fields = dict.fromkeys(text_score, BARE) | near
        return mix(similarity, text_score, fields, vector_weight=self.vector_weight, limit=limit)


async def hybrid(index: ContractIndex, search: HybridSearch, *, limit: int) -> list[Row]:
    """Run one search and return its best rows; a search for no fields brings their keys and scores alone.

    Raises:
        RedisError: the search could not be run.
    """
    rows = search.read(await _replies(index, search), limit)
    bare = [row.key for row in rows if not row.fields] if search.fields else []
    if not bare:
        return rows
    replies = await _run(index, [("HMGET", key, *search.fields) for key in bare])
    names = [name.encode() for name in search.fields]
    found = {key: raw(zip(names, values, strict=True)) for key, values in zip(bare, replies, strict=True)}
    filled = [row if row.fields else row._replace(fields=found[row.key]) for row in rows]
    return [row for row in filled if row.fields]


async def _replies(index: ContractIndex, search: HybridSearch) -> list[Any]:
    """Return the reply to the search by vector, then to the one by words."""
    if search.led or not isinstance(search.vector, np.ndarray):
        return await _overlapped(index, search)
    words = search.by_words(one_wall=await unions_whole(index.client))
    return await run(index, [search.by_vector(search.vector), *words])


async def _by_words(index: ContractIndex, search: HybridSearch) -> list[Any]:
    """Return the reply to the search by words; where too few records hold a rare one, any word finds."""
    whole = await unions_whole(index.client)
    rare = await _leading(index, search) if search.led and whole else ()
    replies = await run(index, search.by_words(one_wall=whole, led_by=rare))
    if not rare or listed(replies[0]) >= search.candidates:
        return replies
    return await run(index, search.by_words(one_wall=whole))


async def _leading(index: ContractIndex, search: HybridSearch) -> Collection[str]:
    """Return the words that lead the search; none where any may find."""
    words = terms(search.words)
    if len(words) < 2:
        return ()
    nobody = tags(dict.fromkeys(search.filters, NOBODY))
    rare = await rarest(index.client, index.name, words, field=search.text_field, nothing=nobody, most=search.led)
    return rare if len(rare) < len(words) else ()


async def _overlapped(index: ContractIndex, search: HybridSearch) -> list[Any]:
    """Let the server look the words up while this process still makes the vector."""

    async def near() -> list[Any]:
        vector = search.vector if isinstance(search.vector, np.ndarray) else await search.vector
        return await run(index, [search.by_vector(vector)])

    # Both are waited for, also where one breaks: nothing may be on its way to the server when the caller is gone.
    words = asyncio.ensure_future(_by_words(index, search))
    try:
        found = await near()
    finally:
        await asyncio.wait([words])
    return [*found, *words.result()]


async def count(index: ContractIndex, query: str) -> int:
    """Return how many records match."""
    [reply] = await run(index, [("FT.SEARCH", index.name, query, "LIMIT", 0, 0, "DIALECT", 2)])
    return int(reply[b"total_results"] if isinstance(reply, Mapping) else reply[0])


async def run(index: ContractIndex, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Run commands on one index in one round trip; where the index is gone, make it and run them again."""
    try:
        return await _run(index, commands)
    except RedisError as error:
        if not is_missing_index(error):
            raise
    await index.open()
    return await _run(index, commands)


async def _run(index: ContractIndex, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
    return await together(index.client, commands)


def mix(
    similarity: Mapping[str, float],
    text_score: Mapping[str, float],
    fields: Mapping[str, Fields],
    *,
    vector_weight: float,
    limit: int | None = None,
) -> list[Row]:
    """Return the best of the union of two rankings, ordered by the weighted sum of their standard scores."""
    floor = min(similarity.values(), default=0.0)
    near = [similarity.get(key, floor) for key in fields]
    text = [text_score.get(key, 0.0) for key in fields]
    said_weight, pairs = 1.0 - vector_weight, zip(standard(near), standard(text), strict=True)
    mixed = [-(vector_weight * close + said_weight * said) for close, said in pairs]
    # No two have one key, so the order never comes to what follows it.
    ranked = sorted(zip(mixed, fields, near, text, strict=True))
    return [Row(key, -under, close, said, fields[key]) for under, key, close, said in ranked[:limit]]


def tags(filters: Mapping[str, str | tuple[str, ...]]) -> str:
    """Return a query that holds every TAG field to its value, or to one of its values.

    Raises:
        ValueError: there is no filter, or a value is empty: either would match everyone's records.
    """
    choices = {field: (value,) if isinstance(value, str) else value for field, value in filters.items()}
    if not choices or not all(values and all(values) for values in choices.values()):
        raise ValueError("A search needs a value for each tag.")
    return " ".join(f"@{field}:{{{'|'.join(map(_escape, values))}}}" for field, values in choices.items())


def terms(words: Sequence[str]) -> dict[str, int]:
    """Keep the words most often said of those the query parser takes literally, and how often."""
    return dict(Counter(word for word in words if _WORD.fullmatch(word)).most_common(MAX_WORDS))


def _escape(value: str) -> str:
    return value if value.isalnum() else "".join([sign if sign.isalnum() else f"\\{sign}" for sign in value])
