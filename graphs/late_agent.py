"""An agent whose tools lie with others: it is made at its first task, because making the graph may do no I/O."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from weakref import WeakKeyDictionary

from langchain_core.runnables import RunnableConfig

from twintrack.graphs.agent_row import AgentSpec, OutsideTools
from twintrack.guardrails.tools import ToolAnnotations
from twintrack.nodes.state import Assignment
from twintrack.nodes.work import Agent, Finding

Make = Callable[[AgentSpec, Mapping[str, ToolAnnotations]], Agent]


class LateAgent:
    """Stands for the agent, and makes it once per event loop; again where a server did not answer."""

    def __init__(self, spec: AgentSpec, bring: OutsideTools, make: Make) -> None:
        self._spec = spec
        self._bring = bring
        self._make = make
        self._made: WeakKeyDictionary[asyncio.AbstractEventLoop, Agent] = WeakKeyDictionary()

    async def __call__(self, assignment: Assignment, config: RunnableConfig) -> Finding:
        """Let the agent do the task."""
        loop = asyncio.get_running_loop()
        if (agent := self._made.get(loop)) is None:
            whole, known, all_there = await self._bring(self._spec)
            agent = self._make(replace(whole, outside=(), outside_tools=None), known)
            if all_there:
                self._made[loop] = agent
        return await agent(assignment, config)
