"""Lets one run at a time work on a thread."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Literal
from uuid import uuid4

from twintrack.core.errors import Conflict, Unavailable
from twintrack.memory.checkpoint_scripts import Script
from twintrack.memory.checkpoint_storage import CheckpointStorage, thread_keys

Policy = Literal["reject", "queue", "replace"]
"""What to do where another run works on the thread: give up, wait for its end, or end it."""
LEASE_S = 5.0
"""Seconds after which a run that died no longer holds its thread."""
_FROM_ANOTHER = 2
_PAUSE_S = 0.02
_LOOK_S = 0.5
"""Seconds, at most, until a run notices that another has taken its thread."""
_TAKE = Script("lease_prelude", "lease_take")
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
) -> AsyncIterator[None]:
    """Hold the thread for the block; where the lease is lost the block is cancelled.

    A holder that stalls past its lease can still try to write: open the saver with `single_writer=True`, which
    refuses what does not continue from the newest version.

    Raises:
        Conflict: another run holds the thread, or took it.
    """
    lease = _Lease(storage, thread_id, lease_s)
    await lease.take(policy, wait_s)
    task = asyncio.current_task()
    renewal = asyncio.create_task(lease.keep(task))
    try:
        yield
    except asyncio.CancelledError:
        if not lease.lost:
            raise
        if task:
            task.uncancel()
        raise _taken(thread_id) from None
    finally:
        renewal.cancel()
        with suppress(asyncio.CancelledError):
            await renewal
        await lease.leave()


def lease_key(thread_id: str) -> bytes:
    """Return the key of a thread's lease, beside the thread's other keys."""
    return thread_keys(thread_id)[0].removesuffix(b"ids") + b"lease"


class _Lease:
    def __init__(self, storage: CheckpointStorage, thread_id: str, lease_s: float) -> None:
        self._storage, self._thread_id, self._lease_s = storage, thread_id, lease_s
        self._key = lease_key(thread_id)
        self._holder, self._ms = uuid4().bytes, b"%d" % int(lease_s * 1000)
        self._look_s = min(lease_s / 4, _LOOK_S)
        self.lost = False

    async def take(self, policy: Policy, wait_s: float) -> None:
        deadline = time.monotonic() + (wait_s if policy == "queue" else 0)
        words = [self._holder, self._ms, b"1" if policy == "replace" else b"0"]
        while not (taken := await self._storage.run_alone(_TAKE, self._key, words)):
            if time.monotonic() >= deadline:
                raise _taken(self._thread_id)
            await asyncio.sleep(_PAUSE_S)
        if taken == _FROM_ANOTHER:
            await asyncio.sleep(self._look_s * 1.5)  # the run that was replaced must have noticed

    async def keep(self, task: "asyncio.Task[object] | None") -> None:
        """Renew until cancelled; end the run once the lease is someone else's, or cannot be told to be ours."""
        held_until = time.monotonic() + self._lease_s
        while time.monotonic() < held_until:
            await asyncio.sleep(self._look_s)
            asked = time.monotonic()
            if asked >= held_until:
                break  # this process was held up: another run may have come and gone
            with suppress(Unavailable):
                if not await self._storage.run_alone(_RENEW, self._key, [self._holder, self._ms]):
                    break
                held_until = asked + self._lease_s
        self.lost = True
        if task:
            task.cancel()

    async def leave(self) -> None:
        with suppress(Unavailable):
            await self._storage.run_alone(_LEAVE, self._key, [self._holder])


def _taken(thread_id: str) -> Conflict:
    return Conflict(f"Another run works on thread '{thread_id}'.", fix="wait for it to end, then run again")
