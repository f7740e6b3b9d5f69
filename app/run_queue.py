"""Lets one run at a time work on a thread, those of this process in the order they came."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from twintrack.core.context import Identity
from twintrack.core.errors import Conflict
from twintrack.memory.checkpoints import VersionedRedisSaver
from twintrack.memory.run_lease import Policy


class RunQueue:
    """The runs that wait for their thread; nothing is kept of a thread that no run is on."""

    def __init__(self, policy: Policy, wait_s: float) -> None:
        self._policy: Policy = policy
        self._wait_s = wait_s
        self._locks: WeakValueDictionary[tuple[int, str, Identity | None], asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def alone(self, saver: object, thread_id: str | None, owner: Identity | None = None) -> AsyncIterator[None]:
        """Hold the thread for the block; a new thread (None) and another saver's are nobody else's.

        Raises:
            Conflict: another run holds the thread, or took it.
            UnknownThread: the thread is someone else's.
        """
        if thread_id is None or not isinstance(saver, VersionedRedisSaver):
            yield
            return
        if self._policy != "queue":
            async with saver.lease(thread_id, policy=self._policy, owner=owner):
                yield
            return
        # A stranger does not wait here to be told that the thread is not his.
        lock = self._locks.setdefault((id(asyncio.get_running_loop()), thread_id, owner), asyncio.Lock())
        await self._wait(lock, thread_id)
        try:
            async with saver.lease(thread_id, policy="queue", wait_s=self._wait_s, owner=owner):
                yield
        finally:
            lock.release()

    async def _wait(self, lock: asyncio.Lock, thread_id: str) -> None:
        try:
            async with asyncio.timeout(self._wait_s):
                await lock.acquire()
        except TimeoutError:
            problem = f"Other runs have worked on thread '{thread_id}' for {self._wait_s:g} seconds."
            raise Conflict(problem, fix="wait for them to end, then run again") from None
