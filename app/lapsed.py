"""Ends turns that wait for a person who did not decide in time, by what the question said."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from langgraph.types import Command, Interrupt

from twintrack.app.parts import Parts
from twintrack.app.run_queue import RunQueue
from twintrack.app.turn import begun
from twintrack.core.context import Context, Identity
from twintrack.core.errors import TwintrackError
from twintrack.core.redis_errors import translated
from twintrack.graphs.traced import TracedGraph
from twintrack.guardrails.approvals import EXPIRES, has_lapsed

log = logging.getLogger(__name__)
SETTLED: dict[str, Any] = {"decisions": []}
"""An answer that decides nothing: the graph itself sees that the time is over, and applies the default."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What came of a turn that waited too long."""

    state: dict[str, Any]
    since: str
    """When the time was over."""


@dataclass(frozen=True, slots=True)
class Lapsed:
    """Finds and ends such turns, in an application or behind a server."""

    graph: TracedGraph
    parts: Parts
    runs: RunQueue

    async def waits(self, identity: Identity, thread_id: str) -> bool:
        """Tell whether a question on the thread was noted as one that may no longer be answered."""
        async with translated():
            return thread_id in await self.parts.waiting.lapsed(identity)

    async def sweep(self, identity: Identity | None = None) -> list[tuple[Identity, str]]:
        """End every turn, of the user or of whomever, that has waited too long; return whose and on which threads."""
        ended: list[tuple[Identity, str]] = []
        for who, thread_id in await self._found(identity):
            try:
                async with self.runs.alone(self.graph.checkpointer, thread_id, who):
                    if await self.settle(thread_id, _context(who)):
                        ended.append((who, thread_id))
            except TwintrackError as error:
                log.warning("What waits on a thread too long was not ended: %s", error.problem)
        return ended

    async def settle(self, thread_id: str, context: Context) -> Settled | None:
        """Apply the default to what has waited too long, at the cost of a turn of its own; None where nothing has.

        The caller holds the thread.
        """
        own, waiting = begun(thread_id, context, self.parts.meters), self.parts.waiting
        try:
            async with translated():
                state = await self.graph.aget_state({"configurable": {"thread_id": thread_id}})
                late = _late(state.interrupts if state.created_at else ())
                if not late:
                    await waiting.forget(own.identity, thread_id)
                    return None
                resume: Command[Any] = Command(resume={one.id: SETTLED for one in late})
                ended = await self.graph.ainvoke(resume, own.config, context=context)
                if "__interrupt__" not in ended:
                    await waiting.forget(own.identity, thread_id)
        finally:
            if reuse := self.parts.resources.reuse:
                reuse.leave(thread_id)
        return Settled(ended, str(late[0].value[EXPIRES]))

    async def _found(self, identity: Identity | None) -> list[tuple[Identity, str]]:
        async with translated():
            if identity is None:
                return await self.parts.waiting.all_lapsed()
            return [(identity, thread) for thread in sorted(await self.parts.waiting.lapsed(identity))]


@asynccontextmanager
async def sweeping(lapsed: Lapsed, every_s: float | None) -> AsyncIterator[None]:
    """Look for such turns again and again for as long as the block runs; None does not look."""
    sweeper = asyncio.create_task(_sweeping(lapsed, every_s)) if every_s else None
    try:
        yield
    finally:
        if sweeper is not None:
            sweeper.cancel()
            with suppress(asyncio.CancelledError):
                await sweeper


async def _sweeping(lapsed: Lapsed, every_s: float) -> None:
    while True:
        await asyncio.sleep(every_s)
        try:
            await lapsed.sweep()
        except Exception as error:  # noqa: BLE001 - the next look may find it mended
            log.warning("Could not look for what waits too long: %s", error)


def _context(who: Identity) -> Context:
    return Context(tenant_id=who.tenant_id, user_id=who.user_id, groups=who.groups)


def _late(interrupts: Sequence[Interrupt]) -> list[Interrupt]:
    now = time.time()
    return [one for one in interrupts if has_lapsed(one.value, now)]
