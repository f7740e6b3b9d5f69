"""Lets in so many tasks at once and so many a minute; who waits goes in by priority, then in order of coming."""

import asyncio
import heapq
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

from langchain_core.runnables import RunnableConfig

from twintrack.core.resilience import waits
from twintrack.nodes.state import Assignment
from twintrack.nodes.work import Agent, Finding

_MINUTE = 60.0


@dataclass
class Turnstile:
    """Shared by all who work within the same limits, in one process and one event loop at a time."""

    at_once: int | None = None
    per_minute: int | None = None
    _inside: int = 0
    _begun: deque[float] = field(default_factory=deque)
    _waiting: list[tuple[int, int, asyncio.Future[None]]] = field(default_factory=list)
    _came: int = 0

    @asynccontextmanager
    async def entered(self, priority: int = 0) -> AsyncIterator[None]:
        """Wait for a place, and keep it for the block; the caller's own time limit bounds the wait."""
        await self._place(priority)
        try:
            await self._pace()
            yield
        finally:
            self._leave()

    async def _place(self, priority: int) -> None:
        if self.at_once is None or self._inside < self.at_once:
            self._inside += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._came += 1
        heapq.heappush(self._waiting, (-priority, self._came, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._leave()
            raise

    def _leave(self) -> None:
        """Hand the place to the next who still waits."""
        while self._waiting:
            _, _, turn = heapq.heappop(self._waiting)
            if not turn.done():
                turn.set_result(None)
                return
        self._inside -= 1

    async def _pace(self) -> None:
        clock = asyncio.get_running_loop().time
        while self.per_minute is not None and waits():
            while self._begun and self._begun[0] <= clock() - _MINUTE:
                self._begun.popleft()
            if len(self._begun) < self.per_minute:
                self._begun.append(clock())
                return
            await asyncio.sleep(self._begun[0] + _MINUTE - clock())


class Rates(Protocol):
    """Paces beginnings for all processes at once."""

    async def admitted(self, name: str, per_minute: int) -> None:
        """Wait until one more may begin."""
        ...


@dataclass(frozen=True, slots=True)
class Paced:
    """An agent that begins so many tasks a minute, in all processes together."""

    agent: Agent
    name: str
    per_minute: int
    rates: Rates

    async def __call__(self, assignment: Assignment, config: RunnableConfig) -> Finding:
        """Do the task once it may begin."""
        await self.rates.admitted(self.name, self.per_minute)
        return await self.agent(assignment, config)


@dataclass(frozen=True, slots=True)
class Bounded:
    """An agent behind turnstiles, its own and its team's; the wait counts towards its task's time."""

    agent: Agent
    turnstiles: tuple[Turnstile, ...]
    priority: int = 0

    async def __call__(self, assignment: Assignment, config: RunnableConfig) -> Finding:
        """Do the task once there is a place for it."""
        async with AsyncExitStack() as places:
            for turnstile in self.turnstiles:
                await places.enter_async_context(turnstile.entered(self.priority))
            return await self.agent(assignment, config)
