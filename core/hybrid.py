"""Finds records by meaning and by words in one round trip, and mixes the two rankings."""

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any, Literal, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray
from redis.exceptions import RedisError

from twintrack.core.redis_errors import is_missing_index
from twintrack.core.redis_index import ContractIndex
from twintrack.core.redis_wire import together
from twintrack.core.standard_score import standard
from twintrack.core.whole_unions import unions_whole

MAX_WORDS = 64
_WORD = re.compile(r"\w+")
_BARE: Mapping[bytes, bytes] = {}
Vector = NDArray[np.float32]
Fields = Mapping[bytes, bytes]


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

    def by_words(self, *, one_wall: bool = False) -> list[tuple[Any, ...]]:
        """Return the search by words; nothing where there are none.

        Args:
            one_wall: Whether the server counts all words behind one wall; else each has one of its own.
        """
        text = self._text(one_wall)
        # Most that words find the vector finds too, so fields come with it alone; `hybrid` fetches the few missing.
        scored = ("NOCONTENT", "VERBATIM", "WITHSCORES", "SCORER", "BM25STD")
        return [("FT.SEARCH", self.index, text, *scored, *self._page())] if text else []

    def _text(self, one_wall: bool) -> str:
        """Return the query for the words; empty where there are none."""
        # What the wall matches is no word: it weighs nothing. It stands last, or the parser weighs all that follows
        # like it. Stemming would put unions of its own before it, hence VERBATIM.
        wall = f"{self._wall()}=>{{$weight: 0}}"
        said = [(f"@{self.text_field}:{term}", count) for term, count in _terms(self.words).items()]
        # A weight is heeded of what stands together, not of a word alone.
        each = [word if one_wall and count == 1 else f"({word} {wall})=>{{$weight: {count}}}" for word, count in said]
        any_of = "|".join(each)
        return f"({any_of}) {wall}" if one_wall and each else any_of

    def _wall(self) -> str:
        return f"({tags(self.filters)})"

    def _page(self) -> tuple[Any, ...]:
        return ("LIMIT", 0, self.candidates, "DIALECT", 2)

    def _walk(self) -> str:
        if not self.beam:
            return ""
        # Without a policy the server compares what passes the wall one by one, also where that is a hundred thousand.
        beam = max(self.beam, self.candidates)
        return f" HYBRID_POLICY BATCHES BATCH_SIZE {2 * self.candidates} EF_RUNTIME {beam}"

    def read(self, replies: Sequence[Any]) -> list[Row]:
        """Return what the commands' replies hold, best first; what only words found is without its fields."""
        text_score, near = scores(replies[1]) if len(replies) > 1 else {}, _near(replies[0])
        apart = {key: values[b"distance"] for key, values in near.items() if values}
        similarity = dict(zip(apart, [1.0 - distance for distance in _numbers(apart.values())], strict=True))
        fields = dict.fromkeys(text_score, _BARE) | near
        return mix(similarity, text_score, fields, vector_weight=self.vector_weight)


async def hybrid(index: ContractIndex, search: HybridSearch, *, limit: int) -> list[Row]:
    """Run one search and return its best rows; a search for no fields brings their keys and scores alone.

    Raises:
        RedisError: the search could not be run.
    """
    rows = search.read(await _replies(index, search))[:limit]
    bare = [row.key for row in rows if not row.fields] if search.fields else []
    if not bare:
        return rows
    replies = await _run(index, [("HMGET", key, *search.fields) for key in bare])
    names = [name.encode() for name in search.fields]
    found = {key: _raw(zip(names, values, strict=True)) for key, values in zip(bare, replies, strict=True)}
    filled = [row if row.fields else row._replace(fields=found[row.key]) for row in rows]
    return [row for row in filled if row.fields]


async def _replies(index: ContractIndex, search: HybridSearch) -> list[Any]:
    """Return the reply to the search by vector, then to the one by words."""
    if isinstance(search.vector, np.ndarray):
        words = search.by_words(one_wall=await unions_whole(index.client))
        return await run(index, [search.by_vector(search.vector), *words])
    return await _overlapped(index, search, search.vector)


async def _overlapped(index: ContractIndex, search: HybridSearch, vector: Awaitable[Vector]) -> list[Any]:
    """Let the server look the words up while this process still makes the vector."""

    async def near() -> list[Any]:
        return await run(index, [search.by_vector(await vector)])

    async def said() -> list[Any]:
        return await run(index, search.by_words(one_wall=await unions_whole(index.client)))

    # Both are waited for, also where one breaks: nothing may be on its way to the server when the caller is gone.
    words = asyncio.ensure_future(said())
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
) -> list[Row]:
    """Return the union of two rankings, ordered by the weighted sum of their standard scores."""
    floor = min(similarity.values(), default=0.0)
    near = [similarity.get(key, floor) for key in fields]
    text = [text_score.get(key, 0.0) for key in fields]
    said_weight, pairs = 1.0 - vector_weight, zip(standard(near), standard(text), strict=True)
    mixed = [-(vector_weight * close + said_weight * said) for close, said in pairs]
    # No two have one key, so the order never comes to what follows it.
    ranked = sorted(zip(mixed, fields, near, text, strict=True))
    return [Row(key, -under, close, said, fields[key]) for under, key, close, said in ranked]


def tags(filters: Mapping[str, str | tuple[str, ...]]) -> str:
    """Return a query that holds every TAG field to its value, or to one of its values.

    Raises:
        ValueError: there is no filter, or a value is empty: either would match everyone's records.
    """
    choices = {field: (value,) if isinstance(value, str) else value for field, value in filters.items()}
    if not choices or not all(values and all(values) for values in choices.values()):
        raise ValueError("A search needs a value for each tag.")
    return " ".join(f"@{field}:{{{'|'.join(map(_escape, values))}}}" for field, values in choices.items())


def _near(reply: Any) -> dict[str, Fields]:
    """Return the fields of each record that the vector found, by its key, in either protocol."""
    if isinstance(reply, Mapping):
        found = [(hit[b"id"], hit[b"extra_attributes"]) for hit in reply[b"results"]]
        try:
            # A record that runs out while it is found comes without fields.
            return {key.decode(): fields or _BARE for key, fields in found}
        except (AttributeError, UnicodeDecodeError):  # text already, or bytes that are none
            return {_text(key): _raw((fields or {}).items()) for key, fields in found}
    listed = [_paired(found) if found else _BARE for found in reply[2::2]]
    try:
        return dict(zip([key.decode() for key in reply[1::2]], listed, strict=True))
    except (AttributeError, UnicodeDecodeError):
        return {_text(key): _raw(fields.items()) for key, fields in zip(reply[1::2], listed, strict=True)}


def _paired(listed: Sequence[Any]) -> dict[Any, Any]:
    """Return a mapping from names and values in turn; two of each, as nearly every search asks for, in one step."""
    if len(listed) == 4:
        return {listed[0]: listed[1], listed[2]: listed[3]}
    return dict(zip(listed[::2], listed[1::2], strict=True))


def parse(reply: Any) -> list[tuple[str, float, dict[str, str]]]:
    """Return (key, score, fields) of each hit in a reply of FT.SEARCH, in either protocol."""
    if isinstance(reply, Mapping):
        hits = [(hit[b"id"], hit.get(b"score", 0.0), hit[b"extra_attributes"]) for hit in reply[b"results"]]
        # A record that runs out while it is found comes without fields.
        return [(_text(key), float(score), _fields((fields or {}).items())) for key, score, fields in hits]
    size = 3 if len(reply) > 2 and isinstance(reply[2], bytes | str) else 2
    marks = map(float, reply[2::size]) if size == 3 else repeat(0.0)
    found = ({} if pairs is None else _fields(zip(pairs[::2], pairs[1::2], strict=True)) for pairs in reply[size::size])
    return list(zip(map(_text, reply[1::size]), marks, found, strict=False))


def scores(reply: Any) -> dict[str, float]:
    """Return the score of each key in a reply of FT.SEARCH without content, in either protocol."""
    if isinstance(reply, Mapping):
        hits = reply[b"results"]
        try:
            return {hit[b"id"].decode(): hit[b"score"] + 0.0 for hit in hits}
        except (AttributeError, TypeError, UnicodeDecodeError):
            return {_text(hit[b"id"]): float(hit[b"score"]) for hit in hits}
    keys, marks = reply[1::2], _numbers(reply[2::2])
    try:
        return dict(zip([key.decode() for key in keys], marks, strict=True))
    except (AttributeError, UnicodeDecodeError):  # text already, or bytes that are none
        return dict(zip(map(_text, keys), marks, strict=True))


def _numbers(written: Collection[Any]) -> list[float]:
    """Return numbers as Redis writes them; all at once, which is a quarter of the work of one by one."""
    try:
        return [number + 0.0 for number in orjson.loads(b"[%b]" % b",".join(written))]
    except (TypeError, orjson.JSONDecodeError):  # text already, or no finite number
        return [float(number) for number in written]


def _fields(pairs: Any) -> dict[str, str]:
    fields = dict(pairs)
    try:
        return {name.decode(): value.decode() for name, value in fields.items() if value is not None}
    except (AttributeError, UnicodeDecodeError):  # text already, or bytes that are none
        return {_text(name): _text(value) for name, value in fields.items() if value is not None}


def _raw(pairs: Any) -> Fields:
    return {_bytes(name): _bytes(value) for name, value in pairs if value is not None}


def _bytes(value: bytes | str) -> bytes:
    return value if isinstance(value, bytes) else value.encode(errors="surrogatepass")


def _text(value: bytes | str) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _terms(words: Sequence[str]) -> dict[str, int]:
    """Keep the words most often said of those the query parser takes literally, and how often."""
    return dict(Counter(word for word in words if _WORD.fullmatch(word)).most_common(MAX_WORDS))


def _escape(value: str) -> str:
    return value if value.isalnum() else "".join([sign if sign.isalnum() else f"\\{sign}" for sign in value])
