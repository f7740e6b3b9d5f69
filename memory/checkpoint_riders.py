"""Lets what a task wrote travel with the version that follows, so that both take one command."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from twintrack.core.errors import Conflict
from twintrack.memory.checkpoint_flights import Place
from twintrack.memory.checkpoint_rows import Typed, Write

_Key = tuple[asyncio.AbstractEventLoop, Place]

WAIT_S = 0.001
"""Seconds for which writes wait for a version to go with: that of a task that ran alone follows at once."""


@dataclass(slots=True, eq=False)
class Rider:
    """What one task wrote to a version."""

    writes: Sequence[Write]
    values: Sequence[Any]
    """What the writes hold, not packed."""
    ended: "asyncio.Future[bool]"
    """Whether it was stored with a version; where it was not, it has to leave by itself."""
    timer: asyncio.TimerHandle | None = None
    """Sends it off by itself; stopped once it has found a version, for a timer that runs out wakes the process."""

    def end(self, stored: bool) -> None:
        """Tell who waits."""
        if not self.ended.done():
            self.ended.set_result(stored)


@dataclass(slots=True)
class Riders:
    """Writes that have not left yet, by the version they are written to."""

    _waiting: dict[_Key, list[Rider]] = field(default_factory=dict)

    def join(self, place: Place, writes: Sequence[Write], values: Sequence[Any]) -> Rider:
        """Wait for a version that follows this one."""
        loop = asyncio.get_running_loop()
        rider = Rider(writes, values, loop.create_future())
        self._waiting.setdefault((loop, place), []).append(rider)
        rider.timer = loop.call_later(WAIT_S, self._leave, (loop, place), rider)
        return rider

    def board(self, place: Place) -> list[Rider]:
        """Return what waits for a version that follows this one; it leaves with that version."""
        riders = self._waiting.pop((asyncio.get_running_loop(), place), [])
        for rider in riders:
            if rider.timer:
                rider.timer.cancel()
        return riders

    def _leave(self, at: _Key, rider: Rider) -> None:
        waiting = self._waiting.get(at, [])
        if rider in waiting:
            waiting.remove(rider)
            if not waiting:
                del self._waiting[at]
            rider.end(stored=False)


def packed_values(riders: Sequence[Rider]) -> dict[str, tuple[Any, Typed]]:
    """Return what was written to each channel, and that as it is packed already."""
    return {
        write.channel: (value, write.value)
        for rider in riders
        for write, value in zip(rider.writes, rider.values, strict=True)
    }


async def carried(send: Callable[[], Awaitable[None]], riders: Sequence[Rider]) -> None:
    """Send a version with its riders, and tell them what came of it."""
    try:
        await send()
    except Conflict:
        _end(riders, stored=True)  # they are stored before the version is looked at
        raise
    except BaseException:
        _end(riders, stored=False)  # what keeps them from being stored they will meet by themselves
        raise
    _end(riders, stored=True)


def _end(riders: Sequence[Rider], *, stored: bool) -> None:
    for rider in riders:
        rider.end(stored)
