"""The versions of a thread: list, name, compare, go back, branch off."""

import builtins
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.pregel import Pregel
from langgraph.types import StateSnapshot

from twintrack.core.context import Identity
from twintrack.core.errors import InputError, UnknownThread, UnknownVersion
from twintrack.memory.checkpoint_removal import prune
from twintrack.memory.checkpoint_rows import member, place
from twintrack.memory.checkpoint_scripts import Script
from twintrack.memory.checkpoint_storage import CheckpointStorage, thread_key
from twintrack.memory.checkpoints import VersionedRedisSaver
from twintrack.memory.ledger_rows import ToolCallRecord, recorded
from twintrack.memory.rollback import Rollback, roll_back
from twintrack.memory.run_lease import lease_key
from twintrack.memory.tiers import Memory
from twintrack.memory.version import Version, version_of
from twintrack.memory.version_diff import diff_states, plain

__all__ = ["Version", "Versions"]

_PATH = Script("prelude", "path")
_REACH = 10_000
"""Versions that are walked back to tell which turns count."""
_REASON = 2000
"""Characters of a reason, which every list of versions shows."""


class Versions:
    """Reads and moves the versions of a compiled graph's threads.

    Every method takes `identity=`: a thread belongs to the user of the run that first wrote it, one that no user
    was named for belongs to the default identity, and everyone else gets `UnknownThread`. None skips the check.
    A version is named by its id or by the name it was saved under.
    """

    def __init__(self, graph: Pregel[Any, Any, Any, Any], memory: Memory | None = None) -> None:
        self.graph = graph
        self.memory = memory

    @property
    def kept(self) -> bool:
        """Tell whether the graph's checkpointer keeps versions and owners."""
        return isinstance(self.graph.checkpointer, VersionedRedisSaver)

    async def owner(self, thread_id: str) -> Identity | None:
        """Return whose thread it is, or None where no run has said."""
        info = await self._storage.info(thread_id)
        if b"user" not in info:
            return None
        return Identity(info[b"tenant"].decode(), info[b"user"].decode())

    async def list(
        self, thread_id: str, limit: int | None = None, *, identity: Identity | None = None
    ) -> builtins.list[Version]:
        """Return the versions, newest first."""
        head, names = await self._open(thread_id, identity)
        calls = await recorded(self._storage, thread_id)
        found = self.graph.aget_state_history(_at(thread_id), limit=limit)
        return [version_of(snapshot, head, names, calls) async for snapshot in found]

    async def get(self, thread_id: str, version: str = "", *, identity: Identity | None = None) -> Version:
        """Return one version, the newest without an id."""
        head, names = await self._open(thread_id, identity)
        id_ = await self._resolve(thread_id, version, names) if version else head
        calls = await recorded(self._storage, thread_id)
        return version_of(await self._state(thread_id, id_), head, names, calls)

    async def state(self, thread_id: str, version: str = "", *, identity: Identity | None = None) -> dict[str, Any]:
        """Return the channels of one version, the newest without an id; JSON values only."""
        head, names = await self._open(thread_id, identity)
        id_ = await self._resolve(thread_id, version, names) if version else head
        values = (await self._state(thread_id, id_)).values
        return {channel: plain(value) for channel, value in values.items()}

    async def tool_calls(
        self, thread_id: str, since: str = "", *, identity: Identity | None = None
    ) -> builtins.list[ToolCallRecord]:
        """Return what tools did outside, oldest first; with `since`, what they did from that version on."""
        _, names = await self._open(thread_id, identity)
        calls = await recorded(self._storage, thread_id)
        if not since:
            return calls
        version = await self._resolve(thread_id, since, names)
        return [call for call in calls if call.is_between(version)]

    async def rollback(
        self, thread_id: str, to: str, *, reason: str, actor: str, identity: Identity | None = None
    ) -> Version:
        """Let the thread go on from the version `to`: its state, subgraphs' included, becomes the newest version.

        No version is deleted: those after `to` stay and can be gone back to in turn. What the thread left in memory
        after `to` is taken back, and is there again when the thread goes forward. What tools did outside after `to` is not undone: the version returned tells
        of it as `already_done`, and running on does not do it again.

        Raises:
            Conflict: a run wrote to the thread in the meantime; nothing has changed.
            InputError: the reason is too long to be kept with the version.
        """
        _, names = await self._open(thread_id, identity)
        if len(reason) > _REASON:
            raise InputError(f"The reason has {len(reason)} characters.", fix=f"give one of at most {_REASON}")
        to = await self._resolve(thread_id, to, names)
        saver = self._saver
        await roll_back(saver.storage, saver.serde, Rollback(thread_id, to, reason, actor))
        await self._retract(thread_id, to, identity)
        return await self.get(thread_id)

    async def save(
        self, thread_id: str, name: str, version: str | None = None, *, identity: Identity | None = None
    ) -> Version:
        """Give a version a name, the newest without an id; it is kept when old versions are pruned.

        Raises:
            InputError: another version has the name.
        """
        head, names = await self._open(thread_id, identity)
        id_ = await self._resolve(thread_id, version, names) if version else head
        if not name.strip() or len(name) > 100 or not name.isprintable():
            raise InputError("A version's name has 1 to 100 characters that can be seen.", fix="choose another name")
        if await self._has(thread_id, name):
            raise InputError(f"'{name}' is the id of a version.", fix="choose another name")
        if not await self._storage.name(thread_id, name, member("", id_)):
            raise InputError(f"Another version is saved as '{name}'.", fix="choose another name")
        if not await self._has(thread_id, id_):  # pruned a moment before it was named
            await self._storage.command("HDEL", thread_key(thread_id, "info"), f"name:{name}".encode())
            raise _unknown(thread_id, id_)
        return await self.get(thread_id, id_)

    async def diff(self, thread_id: str, a: str, b: str, *, identity: Identity | None = None) -> dict[str, Any]:
        """Return what changed from `a` to `b` by channel, messages by their id; JSON values only."""
        _, names = await self._open(thread_id, identity)
        before = await self._state(thread_id, await self._resolve(thread_id, a, names))
        after = await self._state(thread_id, await self._resolve(thread_id, b, names))
        return diff_states(before.values, after.values)

    async def fork(
        self, thread_id: str, to_thread: str, version: str | None = None, *, identity: Identity | None = None
    ) -> Version:
        """Copy the thread, its versions, names and record of tool calls, to a new thread of the same owner.

        Args:
            thread_id: The thread to copy.
            to_thread: Id of the new thread.
            version: Version the new thread goes on from; the newest without it.
            identity: Who asks.

        Raises:
            InputError: `to_thread` exists.
        """
        _, names = await self._open(thread_id, identity)
        id_ = await self._resolve(thread_id, version, names) if version else ""
        taken = await self._storage.newest(to_thread) or await self.owner(to_thread) not in (None, identity)
        if taken or not to_thread.strip() or len(to_thread) > 200 or not to_thread.isprintable():
            raise InputError(
                f"{to_thread[:200]!r} cannot be the new thread's id.", fix="choose an id that is not in use"
            )
        # Two users who fork to one id at once: it belongs to the first, and nothing of the other's gets into it.
        await self._storage.put(to_thread, [], identity or await self.owner(thread_id))
        await self._saver.acopy_thread(thread_id, to_thread)
        if not id_:
            return await self.get(to_thread)
        actor = identity.user_id if identity else ""
        return await self.rollback(to_thread, id_, reason=f"forked from {thread_id}", actor=actor)

    async def prune(self, thread_id: str, keep_last: int, *, identity: Identity | None = None) -> int:
        """Remove all but the newest versions, named ones and those that asked a person; return how many went."""
        await self._open(thread_id, identity)
        if keep_last < 1:
            raise InputError("At least one version has to stay.", fix="keep 1 or more, or delete the thread")
        before = await self._storage.count(thread_id)
        await prune(self._storage, thread_id, keep_last)
        return before - await self._storage.count(thread_id)

    async def delete(self, thread_id: str, *, forget: bool = False, identity: Identity | None = None) -> None:
        """Remove the thread and every trace of it; a run that is on it ends.

        What was learnt on it stays in memory, but with `forget`.
        """
        await self._open(thread_id, identity)
        owner = identity or await self.owner(thread_id)
        await self._delete(thread_id)
        if self.memory and owner:
            await self.memory.leave(owner, thread_id, forget=forget)

    async def threads(self, identity: Identity) -> AsyncIterator[str]:
        """Yield the threads of one user; walks the whole key space."""
        async for thread_id in self._storage.threads():
            if (await self.owner(thread_id) or Identity()) == identity:
                yield thread_id

    async def erase(self, identity: Identity) -> int:
        """Remove every thread of one user; return how many there were."""
        mine = {thread_id async for thread_id in self.threads(identity)}
        # Threads that were claimed, or acted on, and have no version.
        bare = {thread_id async for thread_id in self._storage.threads("info")} - mine
        mine |= {thread_id for thread_id in bare if await self.owner(thread_id) == identity}
        for thread_id in mine:
            await self._delete(thread_id)
        return len(mine)

    async def _delete(self, thread_id: str) -> None:
        await self._saver.adelete_thread(thread_id)
        await self._storage.command("UNLINK", lease_key(thread_id))

    @property
    def _saver(self) -> VersionedRedisSaver:
        if not isinstance(self.graph.checkpointer, VersionedRedisSaver):
            raise InputError("The graph's checkpointer keeps no versions.", fix="compile it with VersionedRedisSaver")
        return self.graph.checkpointer

    @property
    def _storage(self) -> CheckpointStorage:
        return self._saver.storage

    async def _open(self, thread_id: str, identity: Identity | None) -> tuple[str, dict[str, str]]:
        """Return the newest version's id and the names by version, to whoever may know them."""
        names = await self._storage.members(thread_id, "", None)
        owner = await self.owner(thread_id) or Identity()
        if not names or (identity is not None and owner != identity):
            raise UnknownThread(f"There is no thread '{thread_id}'.", fix="use the id of a thread of your own")
        info = await self._storage.info(thread_id)
        saved = {label[5:].decode(): place(name)[1] for label, name in info.items() if label.startswith(b"name:")}
        return place(names[0])[1], saved

    async def _retract(self, thread_id: str, to: str, identity: Identity | None) -> None:
        """Take back what the undone turns left in memory."""
        owner = identity or await self.owner(thread_id)
        version = await self._state(thread_id, to)
        if self.memory and owner and version.created_at:
            after = datetime.fromisoformat(version.created_at).timestamp()
            way = await self._storage.run_whole(_PATH, thread_id, [to.encode(), b"%d" % _REACH])
            await self.memory.retract(owner, thread_id, after=after, versions=[id_.decode() for id_ in way])

    async def _resolve(self, thread_id: str, version: str, names: dict[str, str]) -> str:
        id_ = names.get(version, version)
        if not await self._has(thread_id, id_):
            raise _unknown(thread_id, version)
        return id_

    async def _has(self, thread_id: str, version: str) -> bool:
        return (await self._storage.rows(thread_id, [member("", version)]))[0] is not None

    async def _state(self, thread_id: str, version: str) -> StateSnapshot:
        return await self.graph.aget_state(_at(thread_id, version))


def _at(thread_id: str, version: str = "") -> RunnableConfig:
    where = {"thread_id": thread_id, "checkpoint_ns": ""}
    return {"configurable": where | {"checkpoint_id": version} if version else where}


def _unknown(thread_id: str, version: str) -> UnknownVersion:
    return UnknownVersion.of(thread_id, version, fix="use an id or a name that its list shows")
