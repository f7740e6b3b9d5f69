"""LangGraph's checkpoints on Redis: versions that can be trusted to roll back."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
    get_checkpoint_id,
)
from pydantic import SecretStr

from twintrack.core.context import Identity
from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import RedisSettings
from twintrack.memory.checkpoint_codec import (
    config_of,
    pace_of,
    pack_checkpoint,
    thread_and_space,
    unpack_checkpoint,
    unpack_value,
    unpack_write,
)
from twintrack.memory.checkpoint_copy import copy_thread
from twintrack.memory.checkpoint_entries import Put
from twintrack.memory.checkpoint_flights import Flights, Place
from twintrack.memory.checkpoint_listing import matching, names_of
from twintrack.memory.checkpoint_owner import owner_of
from twintrack.memory.checkpoint_removal import drop_run, prune
from twintrack.memory.checkpoint_riders import Rider, Riders, carried, packed_values
from twintrack.memory.checkpoint_rows import Row, Typed, Write
from twintrack.memory.checkpoint_serializer import CheckpointSerializer
from twintrack.memory.checkpoint_storage import CheckpointStorage, pages
from twintrack.memory.checkpoint_threads import FromThreads
from twintrack.memory.run_lease import LEASE_S, Policy, run_lease

PAGE = 16
"""Checkpoints read at once when listing."""


class VersionedRedisSaver(FromThreads):
    """Keeps every super-step of every thread; plain Redis commands only, safe on a cluster.

    Give it one of `source` (a client per event loop), `redis_client` or `redis_url`. It takes what
    `AsyncRedisSaver` takes and shares none of its keys, so their prefixes say nothing here. Where the run's config names a user, a thread belongs
    to the user who wrote it first, and everyone else gets `UnknownThread`.

    Args:
        ttl_minutes: minutes after its last use at which a thread goes, whole; `ttl` is the dict form.
        encryption_key: 16, 24 or 32 bytes; state and metadata are stored encrypted.
        allowed_types: classes of the state, beside messages and plain values, that may be rebuilt on reading.
        single_writer: refuse a put whose parent is no longer the newest version (`Conflict`).
    """

    def __init__(
        self,
        redis_url: str | None = None,
        *,
        redis_client: Any = None,
        source: RedisSource | None = None,
        connection_args: dict[str, Any] | None = None,
        ttl: dict[str, Any] | None = None,
        ttl_minutes: float | None = None,
        encryption_key: str | bytes | SecretStr | None = None,
        allowed_types: Iterable[type | tuple[str, str]] = (),
        single_writer: bool = False,
        checkpoint_prefix: str = "",  # noqa: ARG002 - the parent's keys are not ours
        checkpoint_write_prefix: str = "",  # noqa: ARG002
    ) -> None:
        secret = encryption_key.get_secret_value() if isinstance(encryption_key, SecretStr) else encryption_key
        key = secret.encode() if isinstance(secret, str) else secret
        # The parent's own constructor would open its search indexes.
        BaseCheckpointSaver.__init__(self, serde=CheckpointSerializer(key, allowed_types))
        self.ttl_config = ttl if ttl_minutes is None else {"default_ttl": ttl_minutes, "refresh_on_read": True}
        self.loop: asyncio.AbstractEventLoop | None = None
        self.single_writer = single_writer
        self._flights, self._riders = Flights(), Riders()
        self._source = source
        self.configure_client(redis_url, redis_client, connection_args)
        minutes = (self.ttl_config or {}).get("default_ttl")
        self.storage = CheckpointStorage(
            self._client,
            ttl_ms=None if minutes is None else -1 if minutes == -1 else int(minutes * 60_000),
            refresh_on_read=bool((self.ttl_config or {}).get("refresh_on_read")),
        )

    def configure_client(
        self, redis_url: str | None = None, redis_client: Any = None, connection_args: dict[str, Any] | None = None
    ) -> None:
        """Choose where connections come from; opens none."""
        self._owns_its_client = self._source is None and redis_client is None
        if self._source is None and redis_client is None:
            settings = {"url": redis_url} if redis_url else {}
            self._source = RedisSource(RedisSettings.model_validate(settings), connection_args)
        self._given = redis_client

    def _client(self) -> Any:
        return self._given if self._source is None else self._source.client()

    async def asetup(self) -> None:
        """Remember the running loop for the synchronous methods; there is nothing to create."""
        self.loop = asyncio.get_running_loop()

    async def __aenter__(self) -> "VersionedRedisSaver":
        await self.asetup()
        return self

    async def __aexit__(
        self,
        _exc_type: type[BaseException] | None,
        _exc_val: BaseException | None,
        _exc_tb: TracebackType | None,
    ) -> None:
        if self._owns_its_client and self._source:
            await self._source.aclose()

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return the version the config names, or the newest."""
        thread_id, ns = thread_and_space(config)
        found = await self.storage.get(thread_id, ns, get_checkpoint_id(config), owner_of(config))
        return unpack_checkpoint(self.serde, thread_id, found) if found else None

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """Yield versions, newest first; without a namespace in the config, those of every namespace."""
        left = limit
        threads = _one(thread_and_space(config)[0]) if config else self.storage.threads()
        async for thread_id in threads:
            names = await names_of(self.storage, thread_id, config, before)
            if filter:
                names = await matching(self.storage, self.serde, thread_id, names, filter, left)
            names = names[:left]
            for page in pages(names, PAGE):
                for found in await self.storage.read(thread_id, page):
                    yield unpack_checkpoint(self.serde, thread_id, found)
            left = None if left is None else left - len(names)
            if left == 0:
                return

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
        stream_mode: str = "values",  # noqa: ARG002 - the parent takes it and ignores it too
    ) -> RunnableConfig:
        """Store one version.

        Raises:
            Conflict: with `single_writer`, another run wrote to the thread first.
            UnknownThread: the thread belongs to someone else.
        """
        thread_id, ns = thread_and_space(config)
        riders = self._riders.board((thread_id, ns, get_checkpoint_id(config) or ""))
        put = self.prepare(config, checkpoint, metadata, new_versions, packed_values(riders))
        written = [write for rider in riders for write in rider.writes]
        send = partial(carried, partial(self.storage.put, thread_id, [put], owner_of(config), written), riders)
        if put.expect is not None and self.storage.keeps_order:
            here, parent = (thread_id, ns, put.checkpoint_id), (thread_id, ns, put.expect)
            await self._flights.put(here, parent, send, pace_of(config, metadata))
        else:
            await send()
        return config_of(thread_id, ns, checkpoint["id"])

    def prepare(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
        packed: Mapping[str, tuple[Any, Typed]] | None = None,
    ) -> Put:
        """Return one version as it will be stored; values that are packed already are not packed again."""
        version = (config, checkpoint, metadata, new_versions)
        return pack_checkpoint(self.serde, *version, packed=packed or {}, single_writer=self.single_writer)

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Store what one task wrote; a write that is there stays, but for errors, interrupts and answers to them."""
        thread_id, ns = thread_and_space(config)
        packed = [
            Write(task_id, channel, WRITES_IDX_MAP.get(channel, index), task_path, self.serde.dumps_typed(value))
            for index, (channel, value) in enumerate(writes)
        ]
        place = (thread_id, ns, config["configurable"]["checkpoint_id"])
        rider = self._riders.join(place, packed, [value for _, value in writes]) if self.storage.keeps_order else None
        await self._flights.write(place, self._write(place, packed, owner_of(config), rider))

    async def _write(self, place: Place, writes: Sequence[Write], owner: Identity | None, rider: Rider | None) -> None:
        if rider is None or not await rider.ended:
            await self.storage.write(*place, writes, owner)

    async def aget_channel_values(
        self,
        thread_id: str,
        checkpoint_ns: str = "",
        checkpoint_id: str = "",
        channel_versions: dict[str, Any] | None = None,  # noqa: ARG002 - the parent takes it and ignores it too
    ) -> dict[str, Any]:
        """Return the state at one version, or nothing."""
        found = await self.aget_tuple(config_of(thread_id, checkpoint_ns, checkpoint_id))
        return found.checkpoint["channel_values"] if found else {}

    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """Return what each delta channel is rebuilt from."""
        thread_id, ns = thread_and_space(config)
        seeds, steps = await self.storage.delta(thread_id, ns, get_checkpoint_id(config), channels)
        history: dict[str, DeltaChannelHistory] = {name: {"writes": []} for name in channels}
        for write in (write for step in steps for write in step):
            history[write.channel]["writes"].append(unpack_write(self.serde, write))
        for name, value in seeds.items():
            history[name]["seed"] = unpack_value(self.serde, value)
        return history

    def lease(
        self,
        thread_id: str,
        *,
        policy: Policy = "reject",
        wait_s: float = 60.0,
        lease_s: float = LEASE_S,
        owner: Identity | None = None,
    ) -> AbstractAsyncContextManager[None]:
        """Return a block in which no other run that asks for the lease works on the thread.

        Where an owner is named, the block is entered only if the thread is his or nobody's.
        """
        return run_lease(self.storage, str(thread_id), policy=policy, wait_s=wait_s, lease_s=lease_s, owner=owner)

    async def adelete_thread(self, thread_id: str) -> None:
        """Remove a thread and every trace of it."""
        await self.storage.delete(str(thread_id))

    async def adelete_for_runs(self, run_ids: Iterable[str]) -> None:
        """Remove the versions these runs made."""
        for run_id in run_ids:
            await drop_run(self.storage, str(run_id))

    async def aprune(
        self,
        thread_ids: Sequence[str],
        *,
        strategy: str = "keep_latest",
        keep_last: int | None = None,
        **_ignored: Any,
    ) -> None:
        """Remove old versions but for named ones and those that asked a person something.

        Without `keep_last` the newest of each namespace stays; with it so many, and what their subgraphs did since.
        """
        for thread_id in map(str, thread_ids):
            if strategy in ("delete", "delete_all"):
                await self.adelete_thread(thread_id)
            else:
                await prune(self.storage, thread_id, keep_last or 1, of_each=keep_last is None)

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copy every version of every namespace, with what was written to them."""
        target = str(target_thread_id)
        await copy_thread(self.storage, str(source_thread_id), target, lambda row: self._moved(row, target))

    def _moved(self, row: Row, thread_id: str) -> Row:
        metadata = self.serde.loads_typed(row.metadata)
        if "thread_id" not in metadata:
            return row
        return replace(row, metadata=self.serde.dumps_typed({**metadata, "thread_id": thread_id}))


async def _one(thread_id: str) -> AsyncIterator[str]:
    yield thread_id
