"""Lets one run at a time work on a thread."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Literal
from uuid import uuid4

from twintrack.core.context import Identity
from twintrack.core.errors import Conflict, Unavailable, UnknownThread
from twintrack.memory.checkpoint_scripts import Script
from twintrack.memory.checkpoint_storage import CheckpointStorage, thread_keys, who

Policy = Literal["reject", "queue", "replace"]
"""What to do where another run works on the thread: give up, wait for its end, or end it."""
LEASE_S = 5.0
"""Seconds after which a run that died no longer holds its thread."""
_NOT_YOURS, _FROM_ANOTHER = -1, 2
_PAUSE_S = 0.02
_LOOK_S = 0.5
"""Seconds, at most, until a run notices that another has taken its thread."""
_TAKE = Script("prelude", "lease_prelude", "lease_take")
_RENEW = Script("lease_prelude", "lease_renew")
_LEAVE = Script("lease_prelude", "lease_leave")


@asynccontextmanager
async def run_lease(
    storage: CheckpointStorage,
    thread_id: str,
    *,
    policy: Policy = "reject",
    wait_s: float = 60.0,
    lease_s: float = LEASE_S,
    owner: Identity | None = None,
) -> AsyncIterator[None]:
    """Hold the thread for the block, if it is the owner's; where the lease is lost the block is cancelled.

    A holder that stalls past its lease can still try to write: open the saver with `single_writer=True`, which
    refuses what does not continue from the newest version.

    Raises:
        Conflict: another run holds the thread, or took it.
        Unavailable: Redis did not answer for as long as the lease lasts.
        UnknownThread: the thread is someone else's.
    """
    lease = _Lease(storage, thread_id, lease_s)
    await lease.take(policy, wait_s, owner)
    task = asyncio.current_task()
    renewal = _Renewal(lease, task)
    try:
        yield
    except asyncio.CancelledError:
        if not lease.lost:
            raise
        if task:
            task.uncancel()
        raise lease.away or _taken(thread_id) from None
    finally:
        await renewal.end()
        await lease.leave()


def lease_key(thread_id: str) -> bytes:
    """Return the key of a thread's lease, beside the thread's other keys."""
    return thread_keys(thread_id)[0].removesuffix(b"ids") + b"lease"


class _Lease:
    def __init__(self, storage: CheckpointStorage, thread_id: str, lease_s: float) -> None:
        self._storage, self._thread_id, self._lease_s = storage, thread_id, lease_s
        self._key = lease_key(thread_id)
        self._holder, self._ms = uuid4().bytes, b"%d" % int(lease_s * 1000)
        self.look_s = min(lease_s / 4, _LOOK_S)
        self._held_until = 0.0
        self.lost = False
        self.away: Unavailable | None = None
        """Why the lease could not be renewed the last time, where Redis did not answer."""

    async def take(self, policy: Policy, wait_s: float, owner: Identity | None) -> None:
        deadline = time.monotonic() + (wait_s if policy == "queue" else 0)
        words = [self._holder, self._ms, b"1" if policy == "replace" else b"0", *who(owner), self._storage.ttl_on_read]
        while not (taken := await self._take(words, owner)):
            if time.monotonic() >= deadline:
                raise _taken(self._thread_id)
            await asyncio.sleep(_PAUSE_S)
        if taken == _NOT_YOURS:
            raise UnknownThread(
                f"There is no thread {self._thread_id!r}.", fix="use one of your own, or begin a new one"
            )
        if taken == _FROM_ANOTHER:
            await asyncio.sleep(self.look_s * 1.5)  # the run that was replaced must have noticed

    async def _take(self, words: list[bytes], owner: Identity | None) -> int:
        self._held_until = time.monotonic() + self._lease_s
        keys = (*thread_keys(self._thread_id), self._key)
        taken, *found = await self._storage.run_alone(_TAKE, keys, words, beside=self._thread_id)
        if found:
            self._storage.heads.foresee(self._thread_id, owner, found[0] or None)
        return int(taken)

    async def keep(self, task: "asyncio.Task[object] | None") -> None:
        """Renew until cancelled; end the run once the lease is someone else's, or cannot be told to be ours."""
        while (asked := time.monotonic()) < self._held_until:  # else this process was held up: a run may have come by
            try:
                renewed = await self._storage.run_alone(_RENEW, (self._key,), [self._holder, self._ms])
            except Unavailable as error:
                self.away = error
            else:
                self.away = None
                if not renewed:
                    break
                self._held_until = asked + self._lease_s
            await asyncio.sleep(self.look_s)
        self.lost = True
        if task:
            task.cancel()

    async def leave(self) -> None:
        self._storage.heads.unforesee(self._thread_id)
        with suppress(Unavailable):
            await self._storage.run_alone(_LEAVE, (self._key,), [self._holder])


class _Renewal:
    """Renews a lease from the first look on: most runs are over before, and need no task for it."""

    def __init__(self, lease: _Lease, task: "asyncio.Task[object] | None") -> None:
        self._lease, self._task = lease, task
        self._renewing: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(lease.look_s, self._begin)

    def _begin(self) -> None:
        self._renewing = asyncio.get_running_loop().create_task(self._lease.keep(self._task))

    async def end(self) -> None:
        """Renew no more."""
        self._timer.cancel()
        if self._renewing:
            self._renewing.cancel()
            with suppress(asyncio.CancelledError):
                await self._renewing


def _taken(thread_id: str) -> Conflict:
    return Conflict(f"Another run works on thread '{thread_id}'.", fix="wait for it to end, then run again")
