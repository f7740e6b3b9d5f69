"""Collect the agents' results and decide what comes next."""

from collections.abc import Callable
from typing import Any, Literal

from twintrack.nodes.delegate import rejected
from twintrack.nodes.state import StepResult, TeamState

Next = Literal["delegate", "plan", "compose"]


async def gather(state: TeamState) -> dict[str, Any]:
    """Put the results in the plan's order, so that every run of a plan reads the same."""
    order = {step["id"]: place for place, step in enumerate(state.get("plan", []))}
    results: list[StepResult] = state.get("results", [])
    return {"steps": sorted(results, key=lambda result: order.get(result["step_id"], len(order)))}


def gathered(max_replans: int, can_replan: bool) -> Callable[[TeamState], Next]:
    """Return the router: open steps first, then a bounded replan, then the answer."""

    def then(state: TeamState) -> Next:
        done = {result["step_id"] for result in state["steps"]}
        if any(step["id"] not in done for step in state.get("plan", [])):
            return "delegate"
        lacking = [result for result in state["steps"] if result["status"] != "done" and not rejected(result)]
        if can_replan and lacking and state.get("replans", 0) < max_replans:
            return "plan"
        return "compose"

    return then
