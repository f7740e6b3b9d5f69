"""Ends turns that wait for a person who did not decide in time, by what the settings say."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.types import Command, Interrupt

from twintrack.core.context import Context, Identity
from twintrack.core.redis_errors import translated
from twintrack.core.waiting import RedisWaiting
from twintrack.graphs.traced import TracedGraph
from twintrack.guardrails.approvals import EXPIRES, has_lapsed

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
    """Finds and ends such turns."""

    graph: TracedGraph
    waiting: RedisWaiting

    async def waits(self, identity: Identity, thread_id: str) -> bool:
        """Tell whether a question on the thread was noted as one that may no longer be answered."""
        async with translated():
            return thread_id in await self.waiting.lapsed(identity)

    async def settle(self, thread_id: str, config: RunnableConfig, context: Context) -> Settled | None:
        """Apply the default to what has waited too long; None where nothing has."""
        identity = Identity(context.tenant_id, context.user_id)
        async with translated():
            state = await self.graph.aget_state({"configurable": {"thread_id": thread_id}})
            late = _late(state.interrupts if state.created_at else ())
            if not late:
                await self.waiting.forget(identity, thread_id)
                return None
            resume: Command[Any] = Command(resume={one.id: SETTLED for one in late})
            ended = await self.graph.ainvoke(resume, config, context=context)
            if "__interrupt__" not in ended:
                await self.waiting.forget(identity, thread_id)
        return Settled(ended, str(late[0].value[EXPIRES]))


def _late(interrupts: Sequence[Interrupt]) -> list[Interrupt]:
    now = time.time()
    return [one for one in interrupts if has_lapsed(one.value, now)]
