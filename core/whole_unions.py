"""Knows whether a server's query engine counts every word of a union that stands behind a wall."""

import time
from typing import Any
from weakref import WeakKeyDictionary

from redis.exceptions import RedisClusterException, ResponseError

from twintrack.core.redis_binaries import UNIONS

_FOR_S = 60.0
_known: WeakKeyDictionary[Any, tuple[float, bool]] = WeakKeyDictionary()


async def unions_whole(client: Any) -> bool:
    """Tell whether words may be looked up together behind one wall; a server may be started anew with other settings.

    Without the heap a union that is skipped ahead names only one of its words that a record holds.
    """
    until, whole = _known.get(client, (0.0, False))
    if time.monotonic() >= until:
        whole = await _by_heap(client)
        _known[client] = (time.monotonic() + _FOR_S, whole)
    return whole


async def _by_heap(client: Any) -> bool:
    try:
        found = dict(await client.execute_command("FT.CONFIG", "GET", UNIONS))
    except (ResponseError, RedisClusterException):  # hosted servers often forbid to read it
        return False
    return found.get(UNIONS.encode(), found.get(UNIONS)) in (b"1", "1")
