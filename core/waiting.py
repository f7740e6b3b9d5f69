"""Remembers which questions wait for a person, and until when, over restarts and for all processes."""

import logging
import time
from collections.abc import Callable
from typing import Any, Protocol

from twintrack.core.context import Identity
from twintrack.core.keys import PREFIX, decode, encode, owned
from twintrack.core.redis_client import RedisSource
from twintrack.core.redis_errors import VENDOR_ERRORS

log = logging.getLogger(__name__)
_KIND = "approvals"


class Waiting(Protocol):
    """Keeps until when each question may be answered."""

    async def until(self, identity: Identity, thread_id: str, place: str, due: float) -> float:
        """Note a question and return until when it waits: what was noted first holds."""
        ...

    async def over(self, identity: Identity, thread_id: str, place: str) -> None:
        """Forget a question that was answered."""
        ...


class WaitingHere:
    """The same within one process."""

    def __init__(self) -> None:
        self._due: dict[tuple[Identity, str, str], float] = {}

    async def until(self, identity: Identity, thread_id: str, place: str, due: float) -> float:
        """Note a question and return until when it waits."""
        return self._due.setdefault((identity, thread_id, place), due)

    async def over(self, identity: Identity, thread_id: str, place: str) -> None:
        """Forget a question that was answered."""
        self._due.pop((identity, thread_id, place), None)


class RedisWaiting:
    """One sorted set per user: threads and places by the time at which they lapse."""

    def __init__(self, source: RedisSource, clock: Callable[[], float] = time.time) -> None:
        self._source = source
        self._clock = clock

    async def until(self, identity: Identity, thread_id: str, place: str, due: float) -> float:
        """Note a question and return until when it waits; without Redis the time begins anew."""
        name, member = owned(_KIND, identity), _member(thread_id, place)
        try:
            await self._source.client().zadd(name, {member: due}, nx=True)
            return float(await self._source.client().zscore(name, member) or due)
        except VENDOR_ERRORS as error:
            log.warning("Until when a question waits is not kept: %s", type(error).__name__)
            return due

    async def over(self, identity: Identity, thread_id: str, place: str) -> None:
        """Forget a question that was answered."""
        try:
            await self._source.client().zrem(owned(_KIND, identity), _member(thread_id, place))
        except VENDOR_ERRORS as error:
            log.warning("An answered question is still noted: %s", type(error).__name__)

    async def lapsed(self, identity: Identity) -> set[str]:
        """Return the threads of a user on which a question has waited too long."""
        found: Any = await self._source.client().zrangebyscore(owned(_KIND, identity), "-inf", self._clock())
        return {decode(member.decode().partition("|")[0]) for member in found}

    async def of_user(self, identity: Identity) -> list[tuple[str, float]]:
        """Return the threads on which a question of a user waits, and until when, the next one first."""
        found: Any = await self._source.client().zrange(owned(_KIND, identity), 0, -1, withscores=True)
        return [(decode(member.decode().partition("|")[0]), float(due)) for member, due in found]

    async def forget(self, identity: Identity, thread_id: str) -> None:
        """Forget all that was asked on a thread."""
        name, start = owned(_KIND, identity), _member(thread_id, "").encode()
        client: Any = self._source.client()
        if gone := [member for member in await client.zrange(name, 0, -1) if member.startswith(start)]:
            await client.zrem(name, *gone)

    async def all_lapsed(self) -> list[tuple[Identity, str]]:
        """Return every thread, of whomever, on which a question has waited too long."""
        found: list[tuple[Identity, str]] = []
        async for name in self._source.client().scan_iter(match=f"{PREFIX}:{_KIND}:*", count=1000):
            tenant, user = map(decode, name.decode().split(":")[2:4])
            identity = Identity(tenant, user)
            found += [(identity, thread) for thread in sorted(await self.lapsed(identity))]
        return found


def _member(thread_id: str, place: str) -> str:
    return f"{encode(thread_id)}|{place}"
