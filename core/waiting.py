"""Remembers which questions wait for a person, and until when, over restarts and for all processes."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, Protocol, get_args

from twintrack.core.context import Identity
from twintrack.core.keys import decode, encode, key, owned
from twintrack.core.redis_client import RedisSource
from twintrack.core.redis_errors import VENDOR_ERRORS

log = logging.getLogger(__name__)
_KIND = "approvals"
_ASKED = key("approvals-asked")
"""Set of the keys of all users who were asked, so that nobody has to walk every key to find them."""

Default = Literal["reject", "approve_read_only"]
"""What holds of a question that nobody answered in time."""
DEFAULTS: tuple[Default, ...] = get_args(Default)


class Terms(NamedTuple):
    """On what a question waits; what was promised when it was put holds."""

    due: float
    """Unix time from which it may no longer be answered; infinite where it waits for ever."""
    default: Default
    """What holds after that."""


class Waiting(Protocol):
    """Keeps on what terms each question waits."""

    async def noted(self, identity: Identity, thread_id: str, place: str) -> Terms | None:
        """Return the terms of a question that waits; None where none was put there."""
        ...

    async def note(self, identity: Identity, thread_id: str, place: str, terms: Terms) -> None:
        """Note a question that was put."""
        ...

    async def over(self, identity: Identity, thread_id: str, place: str) -> None:
        """Forget a question that was answered."""
        ...


class WaitingHere:
    """The same within one process."""

    def __init__(self) -> None:
        self._terms: dict[tuple[Identity, str, str], Terms] = {}

    async def noted(self, identity: Identity, thread_id: str, place: str) -> Terms | None:
        """Return the terms of a question that waits."""
        return self._terms.get((identity, thread_id, place))

    async def note(self, identity: Identity, thread_id: str, place: str, terms: Terms) -> None:
        """Note a question that was put."""
        self._terms[identity, thread_id, place] = terms

    async def over(self, identity: Identity, thread_id: str, place: str) -> None:
        """Forget a question that was answered."""
        self._terms.pop((identity, thread_id, place), None)


class RedisWaiting:
    """One sorted set per user: threads, defaults and places by the time at which they lapse."""

    def __init__(self, source: RedisSource, clock: Callable[[], float] = time.time) -> None:
        self._source = source
        self._clock = clock

    async def noted(self, identity: Identity, thread_id: str, place: str) -> Terms | None:
        """Return the terms of a question that waits; without Redis nobody knows of one."""
        try:
            client: Any = self._source.client()
            found = await client.zmscore(owned(_KIND, identity), [_member(thread_id, place, one) for one in DEFAULTS])
        except VENDOR_ERRORS as error:
            log.warning("Whether a question waits is not known: %s", type(error).__name__)
            return None
        terms = (Terms(float(due), one) for due, one in zip(found, DEFAULTS, strict=True) if due is not None)
        return next(terms, None)

    async def note(self, identity: Identity, thread_id: str, place: str, terms: Terms) -> None:
        """Note a question that was put; without Redis its time begins anew when the run goes on."""
        try:
            client, name = self._source.client(), owned(_KIND, identity)
            member = _member(thread_id, place, terms.default)
            await asyncio.gather(client.zadd(name, {member: terms.due}, nx=True), client.sadd(_ASKED, name))
        except VENDOR_ERRORS as error:
            log.warning("Until when a question waits is not kept: %s", type(error).__name__)

    async def over(self, identity: Identity, thread_id: str, place: str) -> None:
        """Forget a question that was answered."""
        try:
            members = [_member(thread_id, place, one) for one in DEFAULTS]
            await self._source.client().zrem(owned(_KIND, identity), *members)
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
        name, start = owned(_KIND, identity), f"{encode(thread_id)}|".encode()
        client: Any = self._source.client()
        if gone := [member for member in await client.zrange(name, 0, -1) if member.startswith(start)]:
            await client.zrem(name, *gone)

    async def all_lapsed(self) -> list[tuple[Identity, str]]:
        """Return every thread, of whomever, on which a question has waited too long."""
        client: Any = self._source.client()
        found: list[tuple[Identity, str]] = []
        for name in await client.smembers(_ASKED):
            if not await client.exists(name):
                await client.srem(_ASKED, name)
                continue
            tenant, user = map(decode, name.decode().split(":")[2:4])
            identity = Identity(tenant, user)
            found += [(identity, thread) for thread in sorted(await self.lapsed(identity))]
        return found

    async def erase(self, identity: Identity) -> int:
        """Forget all that a user was asked; return how many questions that were."""
        client: Any = self._source.client()
        name = owned(_KIND, identity)
        count = int(await client.zcard(name))
        await asyncio.gather(client.unlink(name), client.srem(_ASKED, name))
        return count


def _member(thread_id: str, place: str, default: Default) -> str:
    return f"{encode(thread_id)}|{default}|{place}"
