"""Lets one of many equal questions do the work, across processes, while the others wait a little for its answer."""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

from redis.exceptions import RedisError

from twintrack.core.redis_client import RedisSource

T = TypeVar("T")

LEASE_S = 4.0
"""How long the one who works holds the others back without a word: a crash costs them no more."""
_LANDED = b"landed"
_NEWS_MS = 2000
"""How long it is remembered that a flight has ended."""
_PAUSES = (0.01, 0.02, 0.04, 0.08)
_RENEWALS = 4
"""Renewals in the time of one lease."""
# A lease that another took over meanwhile is that one's to renew and to end. KEYS: the name. ARGV: token, milliseconds.
_RENEW = "return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('PEXPIRE', KEYS[1], ARGV[2]) or 0"
_LAND = """
local stands = redis.call('GET', KEYS[1])
if stands and stands ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], 'landed', 'PX', ARGV[2])
return 1
"""


class _Flight(NamedTuple):
    token: str
    holder: str
    renewal: asyncio.Task[None]


class Flights:
    """Names in Redis that say who works on what; each is renewed while its holder works, and given up by itself."""

    def __init__(self, source: RedisSource, *, lease_s: float = LEASE_S) -> None:
        self._source = source
        self._lease_s = lease_s
        self._aloft: dict[str, _Flight] = {}

    async def take_off(self, name: str, *, holder: str = "", seconds: float = 0) -> bool:
        """Tell whether the caller is the one to work; false where another does.

        Args:
            name: What is worked on.
            holder: Who works, as `leave` names it.
            seconds: How long at most the lease is renewed.
        """
        token, lease_ms = uuid.uuid4().hex, int(self._lease_s * 1000)
        if not await self._source.client().set(name, token, nx=True, px=lease_ms):
            return False
        self._aloft[name] = _Flight(token, holder, asyncio.create_task(self._renew(name, token, seconds)))
        return True

    async def land(self, name: str) -> None:
        """Tell those who wait that there is nothing more to wait for."""
        flight = self._aloft.pop(name, None)
        if flight:
            flight.renewal.cancel()
        await self._run(_LAND, name, flight.token if flight else "", _NEWS_MS)

    def leave(self, holder: str) -> None:
        """Renew nothing more that this one holds: it has ended, whether it landed or not."""
        for name in [name for name, flight in self._aloft.items() if flight.holder == holder]:
            self._aloft.pop(name).renewal.cancel()

    async def wait(
        self,
        name: str,
        look: Callable[[], Awaitable[T | None]],
        *,
        seconds: float,
        holder: str = "",
    ) -> tuple[T | None, bool]:
        """Wait until the other has landed; return what `look` finds then, and whether the caller has to work alone.

        Where the other gave no sign for a whole lease, one of those who wait takes its place.
        """
        deadline, pauses = time.monotonic() + seconds, iter(_PAUSES)
        while time.monotonic() < deadline:
            await asyncio.sleep(next(pauses, _PAUSES[-1]))
            stands = await self._source.client().get(name)
            if stands and stands != _LANDED:
                continue
            if (found := await look()) is not None:
                return found, False
            if stands == _LANDED or await self.take_off(name, holder=holder, seconds=seconds):
                return None, stands != _LANDED
        return None, False

    async def _renew(self, name: str, token: str, seconds: float) -> None:
        deadline, pause = time.monotonic() + seconds, self._lease_s / _RENEWALS
        while time.monotonic() + pause < deadline:
            await asyncio.sleep(pause)
            with suppress(RedisError, OSError):
                if not await self._run(_RENEW, name, token, int(self._lease_s * 1000)):
                    return

    async def _run(self, script: str, name: str, token: str, milliseconds: int) -> Any:
        return await self._source.client().register_script(script)(keys=[name], args=[token, milliseconds])
