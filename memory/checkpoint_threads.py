"""The surface that the saver shares with LangGraph's: how it is opened, and its methods for other threads."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Self, TypeVar

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointTuple, DeltaChannelHistory
from langgraph.checkpoint.redis.aio import AsyncRedisSaver

T = TypeVar("T")


class FromThreads(AsyncRedisSaver):
    """Adds what `AsyncRedisSaver` lacks beside `get_tuple`, `put` and `get_channel_values`, or does by itself."""

    loop: asyncio.AbstractEventLoop | None

    @classmethod
    @asynccontextmanager
    async def from_conn_string(cls, redis_url: str | None = None, **options: Any) -> AsyncIterator[Self]:
        """Open a saver with whatever its constructor takes, and close it.

        The URL may be a single server's, a cluster's (`redis+cluster://`) or a Sentinel's (`redis+sentinel://`);
        without one it is the embedded server.
        """
        saver = cls(redis_url, **options)
        async with saver:
            yield saver

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Store what one task wrote."""
        self._elsewhere(self.aput_writes(config, writes, task_id, task_path))

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        """Return versions, newest first."""

        async def listed() -> Sequence[CheckpointTuple]:
            return [found async for found in self.alist(config, filter=filter, before=before, limit=limit)]

        return iter(self._elsewhere(listed()))

    def delete_thread(self, thread_id: str) -> None:
        """Remove a thread and every trace of it."""
        self._elsewhere(self.adelete_thread(thread_id))

    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Remove the versions these runs made."""
        self._elsewhere(self.adelete_for_runs(run_ids))

    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copy every version of every namespace, with what was written to them."""
        self._elsewhere(self.acopy_thread(source_thread_id, target_thread_id))

    def prune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest", keep_last: int | None = None) -> None:
        """Remove old versions but for named ones and those that asked a person something."""
        self._elsewhere(self.aprune(thread_ids, strategy=strategy, keep_last=keep_last))

    def get_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """Return what each delta channel is rebuilt from."""
        return self._elsewhere(self.aget_delta_channel_history(config=config, channels=channels))

    def create_indexes(self) -> None:
        """Do nothing: the storage needs no index."""

    def _elsewhere(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            running = asyncio.get_running_loop()
        except RuntimeError:
            running = None
        if self.loop is None or running is self.loop:
            work.close()
            if self.loop is None:
                raise RuntimeError("call `await saver.asetup()` before the synchronous methods")
            raise asyncio.InvalidStateError("call the synchronous methods from another thread than the event loop's")
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()
