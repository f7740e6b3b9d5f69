"""Decisions on their way to the record: they wait, within a bound, for as long as Redis does not answer."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from dataclasses import dataclass, field
from itertools import islice
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

T = TypeVar("T")
log = logging.getLogger("twintrack.audit")

WAITING = 10_000
"""Most entries that wait; further ones are lost, and counted."""
_BATCH = 500
_SECONDS = 5.0
_MOMENT_S = 0.02
_PAUSES_S = (1.0, 2.0, 5.0, 10.0)
"""Seconds before each further attempt, the last one again and again."""


@dataclass(slots=True, eq=False)
class _Queue(Generic[T]):
    """What waits in one event loop."""

    waiting: deque[T] = field(default_factory=deque)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    writer: "asyncio.Task[None] | None" = None
    failures: int = 0


class AuditQueue(Generic[T]):
    """Writes what comes within a moment in one round trip, in the order in which it came."""

    def __init__(self, send: Callable[[Sequence[T]], Awaitable[None]], *, most: int = WAITING) -> None:
        self._send = send
        self._most = most
        self._queues: WeakKeyDictionary[asyncio.AbstractEventLoop, _Queue[T]] = WeakKeyDictionary()
        self.lost = 0
        """Entries that found no room, or were never written."""

    @property
    def waiting(self) -> int:
        """Return how many entries are not written yet."""
        return sum(len(queue.waiting) for queue in self._queues.values())

    def put(self, entry: T) -> None:
        """Take one entry; nobody waits for Redis here."""
        loop = asyncio.get_running_loop()
        queue = self._queues.setdefault(loop, _Queue())
        if len(queue.waiting) >= self._most:
            self._lose(1, "more wait to be written than fit")
            return
        queue.waiting.append(entry)
        if queue.writer is None:
            queue.writer = loop.create_task(self._write(queue), context=Context())

    async def drop(self, matches: Callable[[T], bool]) -> None:
        """Forget entries of this loop that wait."""
        if queue := self._queues.get(asyncio.get_running_loop()):
            async with queue.lock:
                kept = [entry for entry in queue.waiting if not matches(entry)]
                queue.waiting.clear()
                queue.waiting.extend(kept)

    async def flush(self) -> None:
        """Write what waits in this loop; what Redis does not take now goes on waiting."""
        if queue := self._queues.get(asyncio.get_running_loop()):
            while queue.waiting and await self._attempt(queue):
                pass

    async def aclose(self) -> None:
        """Write what waits in this loop, and count as lost what Redis does not take now."""
        await self.flush()
        if queue := self._queues.pop(asyncio.get_running_loop(), None):
            if queue.writer:
                queue.writer.cancel()
            if queue.waiting:
                self._lose(len(queue.waiting), "the process ends")

    async def _write(self, queue: _Queue[T]) -> None:
        try:
            while queue.waiting:
                failures = queue.failures
                await asyncio.sleep(_PAUSES_S[min(failures, len(_PAUSES_S)) - 1] if failures else _MOMENT_S)
                await self._attempt(queue)
        finally:
            queue.writer = None

    async def _attempt(self, queue: _Queue[T]) -> bool:
        async with queue.lock:
            waited, batch = len(queue.waiting), [*islice(queue.waiting, _BATCH)]
            try:
                async with asyncio.timeout(_SECONDS):
                    await self._send(batch)
            except Exception as error:  # noqa: BLE001 (declared boundary: what is noted beside a run never breaks it)
                if not queue.failures:
                    log.warning("Decisions on tool calls wait for Redis; runs go on. %s", type(error).__name__)
                queue.failures += 1
                return False
            for _ in batch:
                queue.waiting.popleft()
            if queue.failures:
                told = "Redis takes decisions on tool calls again: %d waited, %d are lost."
                log.warning(told, waited, self.lost)
            queue.failures = 0
            return True

    def _lose(self, count: int, reason: str) -> None:
        if not self.lost or count > 1:
            log.warning("Decisions on tool calls are lost to the record in Redis: %s.", reason)
        self.lost += count
