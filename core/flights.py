"""Lets one of many equal questions do the work, across processes, while the others wait a little for its answer."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from twintrack.core.redis_client import RedisSource

T = TypeVar("T")

LEASE_S = 4.0
"""How long the one who works holds the others back without a word: a crash costs them no more."""
_LANDED, _FLYING = b"landed", b"flying"
_NEWS_MS = 2000
"""How long it is remembered that a flight has ended."""
_PAUSES = (0.01, 0.02, 0.04, 0.08)


class Flights:
    """Names in Redis that say who works on what; each is given up by itself."""

    def __init__(self, source: RedisSource, *, lease_s: float = LEASE_S) -> None:
        self._source = source
        self._lease_ms = int(lease_s * 1000)

    async def take_off(self, name: str) -> bool:
        """Tell whether the caller is the one to work; false where another does."""
        return bool(await self._source.client().set(name, _FLYING, nx=True, px=self._lease_ms))

    async def land(self, name: str) -> None:
        """Tell those who wait that there is nothing more to wait for."""
        await self._source.client().set(name, _LANDED, px=_NEWS_MS)

    async def wait(
        self, name: str, look: Callable[[], Awaitable[T | None]], *, seconds: float
    ) -> tuple[T | None, bool]:
        """Wait until the other has landed; return what `look` finds then, and whether the caller has to work alone.

        Where the other gave no sign for a whole lease, one of those who wait takes its place.
        """
        deadline, pauses = time.monotonic() + seconds, iter(_PAUSES)
        while time.monotonic() < deadline:
            await asyncio.sleep(next(pauses, _PAUSES[-1]))
            stands = await self._source.client().get(name)
            if stands == _FLYING:
                continue
            if (found := await look()) is not None:
                return found, False
            if stands == _LANDED or await self.take_off(name):
                return None, stands != _LANDED
        return None, False
