"""Holds each thread to its owner, also where the server has lost its own record of the thread."""

from typing import Protocol

from twintrack.core.context import Identity
from twintrack.core.errors import NotAllowed, UnknownThread
from twintrack.core.redis_errors import translated
from twintrack.memory.checkpoints import VersionedRedisSaver


class ThreadOwners(Protocol):
    """Knows whose a thread is."""

    async def claim(self, thread_id: str, identity: Identity) -> None:
        """Make the thread this user's, or raise NotAllowed where it is someone else's."""
        ...

    async def check(self, thread_id: str, identity: Identity) -> None:
        """Raise NotAllowed where the thread is someone else's."""
        ...


class SavedOwners:
    """Reads and writes the owners where the versions are kept."""

    def __init__(self, saver: VersionedRedisSaver) -> None:
        self._saver = saver

    async def claim(self, thread_id: str, identity: Identity) -> None:
        """Make the thread this user's, or raise NotAllowed where it is someone else's."""
        try:
            async with translated():
                # A put of no version still writes the owner of a thread that has none.
                await self._saver.storage.put(thread_id, [], identity)
        except UnknownThread as error:
            raise not_yours() from error

    async def check(self, thread_id: str, identity: Identity) -> None:
        """Raise NotAllowed where the thread is someone else's."""
        async with translated():
            info = await self._saver.storage.info(thread_id)
        owner = info.get(b"tenant", b"").decode(), info.get(b"user", b"").decode()
        if any(owner) and owner != (identity.tenant_id, identity.user_id):
            raise not_yours()


def not_yours() -> NotAllowed:
    """Return the refusal of what belongs to someone else."""
    return NotAllowed("This belongs to someone else.", fix="use an id of your own")
