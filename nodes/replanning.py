"""Lets changing plans rest while it brings nothing: each change costs a model's call and the agents' work again."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from langchain_core.runnables import RunnableConfig

from twintrack.core.breaker import Breaker
from twintrack.guardrails.run_meter import is_spent
from twintrack.nodes.plan import Planned, Planner
from twintrack.nodes.state import Step, TeamState

RESTS = "the plan was not changed, for the last changed plans brought nothing"

Gather = Callable[[TeamState], Awaitable[dict[str, Any]]]


def resting(planner: Planner, breaker: Breaker) -> Planner:
    """Return the planner, which makes every first plan and changes one only where the breaker lets it."""

    async def planned(state: TeamState) -> Planned:
        changes = "replans" in state
        if changes and breaker.rests_for():
            return Planned([], RESTS, rested=True)
        return await planner(state)

    return planned


def noting(gather: Gather, breaker: Breaker) -> Callable[..., Awaitable[Any]]:
    """Return the step that gathers, which also notes for all runs whether a changed plan was worth it."""

    async def noted(state: TeamState, config: RunnableConfig) -> dict[str, Any]:
        update = await gather(state)
        found = brought(update["plan"], state.get("changed_from"))
        # A run that may do no more says nothing of the plan.
        if found is not None and not is_spent(config):
            (breaker.succeeded if found else breaker.failed)()
        return update

    return noted


def brought(plan: Sequence[Step], changed_from: int | None) -> bool | None:
    """Tell whether the steps that changed the plan found anything; None while some are open, or where none changed it."""
    if changed_from is None or any("status" not in step for step in plan):
        return None
    return any(step.get("status") == "done" for step in plan[changed_from:])
