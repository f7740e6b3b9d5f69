"""The saver's methods for other threads than its event loop's."""

import asyncio
from collections.abc import Coroutine, Iterator, Sequence
from typing import Any, TypeVar

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointTuple
from langgraph.checkpoint.redis.aio import AsyncRedisSaver

T = TypeVar("T")


class FromThreads(AsyncRedisSaver):
    """Adds what `AsyncRedisSaver` lacks beside `get_tuple`, `put` and `get_channel_values`, or does by itself."""

    loop: asyncio.AbstractEventLoop | None

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
