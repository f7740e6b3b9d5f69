"""Lets each task of an agent or a team spend within limits of its own, and within what the run has left."""

import asyncio
from dataclasses import dataclass, field

from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import merge_configs

from twintrack.core.errors import BudgetExceeded
from twintrack.guardrails.accounts import Limits, holder, task_of
from twintrack.guardrails.budget import SpendMeter
from twintrack.guardrails.run_meter import meter_of
from twintrack.nodes.state import Assignment
from twintrack.nodes.work import Agent, Finding


@dataclass(frozen=True, slots=True)
class Metered:
    """An agent that is stopped when its task, its team or the run has spent what it may."""

    agent: Agent
    name: str
    limits: Limits = field(default_factory=Limits)

    async def __call__(self, assignment: Assignment, config: RunnableConfig) -> Finding:
        """Do the task, and say which limit stopped it."""
        meter = meter_of(config)
        if meter is None:  # a graph that was compiled without an application around it
            meter = SpendMeter(Limits())
            config = merge_configs(config, {"callbacks": [meter]})
        try:
            found = await self._within(meter, assignment, config)
            if holder(meter.account) is meter.account:
                await meter.carried.keep()
            return found
        except BudgetExceeded as error:
            meter.stop(error.problem)
            raise

    async def _within(self, meter: SpendMeter, assignment: Assignment, config: RunnableConfig) -> Finding:
        step = assignment["step"]["id"]
        with task_of(meter.account, self.name, self.limits, max_depth=meter.max_depth, step=step) as account:
            left = account.seconds_left()
            seconds = None if left is None else max(0.0, left - _kept(meter))
            try:
                async with asyncio.timeout(seconds):
                    return await self.agent(assignment, config)
            except TimeoutError:
                account.refuse_out_of_time(_kept(meter))
                raise


def _kept(meter: SpendMeter) -> float:
    return (meter.account.limits.seconds or 0.0) * meter.closing_share
