"""Lets a run's next version leave before the answer to the last one is back, so that both reach the disk at once."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal

from twintrack.core.errors import Conflict

Place = tuple[str, str, str]
"""Thread, namespace and id of a version."""
Pace = Literal["alone", "at once", "held"]
"""Whether the run waits for the version, whether not, or whether the next one follows so soon that it may wait."""
_Key = tuple[asyncio.AbstractEventLoop, Place]


HOLD_S = 0.01
"""Seconds for which an input waits for the version that follows it at once."""

REMEMBERED = 100
"""Failures remembered for the versions that follow."""


@dataclass(frozen=True, slots=True, eq=False)
class _Flight:
    """A version that is not stored yet."""

    task: "asyncio.Task[None]"
    left: "asyncio.Future[None]"
    """Done once it may be sent."""
    ended: "asyncio.Future[None]"
    """Done once nobody has to wait here any more."""


@dataclass(slots=True)
class Flights:
    """Versions under way, each awaited by who sent it or by who writes to it.

    A run that waits for each version before its next step writes to a version only once that is stored, so it waits
    as before. One that does not wait has writes under way, which it waits for at its end; they take over the waiting.
    The server handles what leaves on one connection in the order in which it leaves, and each version names the one
    before it, so nothing is stored without what it builds on.
    """

    _puts: dict[_Key, _Flight] = field(default_factory=dict)
    _failed: dict[_Key, _Flight] = field(default_factory=dict)
    _writes: dict[_Key, "list[asyncio.Task[None]]"] = field(default_factory=dict)

    async def put(self, place: Place, parent: Place, send: Callable[[], Awaitable[None]], pace: Pace) -> None:
        """Send a version; return once it is stored, or someone who writes to it waits for that."""
        loop = asyncio.get_running_loop()
        left, earlier = loop.create_future(), self._puts.get((loop, parent)) or self._failed.pop((loop, parent), None)
        if earlier:
            _settle(earlier.left)
        elif pace == "alone":
            await send()
            return
        if pace == "held":
            loop.call_later(HOLD_S, _settle, left)
        else:
            _settle(left)
        flight = _Flight(loop.create_task(_sent(send, left, earlier)), left, loop.create_future())
        self._puts[loop, place] = flight
        flight.task.add_done_callback(lambda _: self._landed((loop, place), flight))
        if (waiting := self._writes.get((loop, place))) is not None:
            waiting.append(flight.task)
            return
        try:
            await flight.ended
        except asyncio.CancelledError:
            flight.task.cancel()
            raise
        if flight.task.done():
            flight.task.result()

    async def write(self, place: Place, write: Awaitable[None]) -> None:
        """Write to a version; return once that and the version itself are stored."""
        at, waiting = (asyncio.get_running_loop(), place), list[asyncio.Task[None]]()
        first = self._writes.setdefault(at, waiting) is waiting
        if flight := self._puts.get(at):
            waiting.append(flight.task)
            _settle(flight.ended)
        try:
            if flight:
                await asyncio.shield(flight.left)
            await write
        finally:
            if first:
                del self._writes[at]
        for task in waiting:
            await asyncio.shield(task)

    def _landed(self, at: _Key, flight: _Flight) -> None:
        if self._puts.get(at) is flight:
            del self._puts[at]
        # Whoever waits raises it, and so does a version that cannot be stored because this one is not.
        if not flight.task.cancelled() and flight.task.exception():
            self._failed[at] = flight
            if len(self._failed) > REMEMBERED:
                del self._failed[next(iter(self._failed))]
        _settle(flight.ended)


def _settle(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)


async def _sent(send: Callable[[], Awaitable[None]], left: "asyncio.Future[None]", earlier: _Flight | None) -> None:
    if not left.done():
        await left
    try:
        await send()
    except Conflict:
        if earlier is None:
            raise
        # Not the newest while its parent was under way: the connection broke, and the two went apart.
        await asyncio.shield(earlier.task)
        await send()
