"""Finds which of a question's words are rare, so that a search among very many records is led by them."""

import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Any
from weakref import WeakKeyDictionary

from redis.exceptions import ResponseError

from twintrack.core.redis_wire import together

_COUNTED = (b"Size", b"Estimated number of matches")
"""What servers of different age call the number of records a word stands in."""
_REFUSED_FOR_S = 60.0
_refused: WeakKeyDictionary[Any, float] = WeakKeyDictionary()


async def rarest(
    client: Any, index: str, words: Collection[str], *, field: str, nothing: str, most: int
) -> frozenset[str]:
    """Return the rarest of a question's words, none where the server does not tell how rare they are.

    Args:
        client: The server's client.
        index: Name of the index.
        words: Words as they are indexed.
        field: Field that they stand in.
        nothing: Query that no record matches: so the server opens its list of each word and reads none of them.
        most: Records that the words returned may stand in together.
    """
    if time.monotonic() < _refused.get(client, 0.0):
        return frozenset()
    any_of = "|".join(f"@{field}:{word}" for word in words)
    kind, none_of_it = ("SEARCH", "LIMITED", "QUERY"), ("NOCONTENT", "VERBATIM", "LIMIT", 0, 0, "DIALECT", 2)
    try:
        [reply] = await together(client, [("FT.PROFILE", index, *kind, f"({any_of}) {nothing}", *none_of_it)])
    except ResponseError:  # forbidden there, or an index that the search itself makes anew
        _refused[client] = time.monotonic() + _REFUSED_FOR_S
        return frozenset()
    sizes: Counter[str] = Counter()
    for word, size in _sizes(reply):
        sizes[word] += size  # each shard has records of its own
    return leading(words, sizes, most)


def leading(words: Collection[str], sizes: Mapping[str, int], most: int) -> frozenset[str]:
    """Return the rarest words that stand in so many records together, and one that stands anywhere in any case."""
    led, records = [], 0
    for word in sorted(words, key=lambda word: sizes.get(word, 0)):
        if records and records + sizes.get(word, 0) > most:
            break
        led.append(word)
        records += sizes.get(word, 0)
    return frozenset(led)


def _sizes(profile: Any) -> Iterator[tuple[str, int]]:
    """Yield each word that a profile names and in how many records it stands, in either protocol."""
    parts = [profile]
    while parts:
        part = parts.pop()
        if isinstance(part, list) and b"Term" in part:
            part = dict(zip(part[::2], part[1::2], strict=False))
        if isinstance(part, dict) and b"Term" in part:
            size = next((part[name] for name in _COUNTED if name in part), 0)
            yield part[b"Term"].decode(errors="replace"), int(size)
        else:
            held = part.values() if isinstance(part, dict) else part
            parts += [one for one in held if isinstance(one, list | dict)]
