"""Collect the agents' results, see how much of the plan they cover, and decide what comes next."""

import time
from collections.abc import Callable, Sequence
from typing import Any, Literal

from twintrack.nodes.ask_first import rejected
from twintrack.nodes.effort import spent
from twintrack.nodes.state import Coverage, Step, StepResult, TeamState

Next = Literal["delegate", "plan", "compose"]


async def gather(state: TeamState) -> dict[str, Any]:
    """Put the results in the plan's order, so that every run of a plan reads the same, and note what they cover."""
    began = time.perf_counter()
    plan = state.get("plan", [])
    order = {step["id"]: place for place, step in enumerate(plan)}
    results = sorted(state.get("results", []), key=lambda result: order.get(result["step_id"], len(order)))
    statuses = {result["step_id"]: result["status"] for result in results}
    noted = [Step(**{**step, "status": statuses[step["id"]]}) if step["id"] in statuses else step for step in plan]
    came = len(results) - len(state.get("steps", []))
    return {
        "plan": noted,
        "steps": results,
        "coverage": coverage(plan, results),
        **spent("gather", began, messages=came),
    }


def gathered(max_replans: int, can_replan: bool) -> Callable[[TeamState], Next]:
    """Return the router: open steps first, then a bounded replan, then the answer."""

    def then(state: TeamState) -> Next:
        done = {result["step_id"] for result in state["steps"]}
        if any(step["id"] not in done for step in state.get("plan", [])):
            return "delegate"
        unmet = [one for one in lacking(state.get("plan", []), state["steps"]) if not rejected(one)]
        if can_replan and unmet and state.get("replans", 0) < max_replans:
            return "plan"
        return "compose"

    return then


def coverage(plan: Sequence[Step], results: Sequence[StepResult]) -> Coverage:
    """Return how many steps of the plan have a result, and the tasks of those that lack one."""
    known = {result["step_id"] for result in results}
    missing = [one["task"] for one in lacking(plan, results)]
    missing += [step["task"] for step in plan if step["id"] not in known]
    planned = len({step["id"] for step in plan} | known)
    return Coverage(planned=planned, done=planned - len(missing), lacking=missing)


def lacking(plan: Sequence[Step], results: Sequence[StepResult]) -> list[StepResult]:
    """Return what came to nothing and was not done another way.

    A sum told as a story goes to two agents: where one of them did the task, it is done. So is a step in whose
    place a changed plan put another, once all that stands in its place is done.
    """
    done = {result["step_id"] for result in results if result["status"] == "done"}
    # Who hands a task over has not finished it.
    tasks = {one["task"] for one in results if one["step_id"] in done and "hand_over" not in one}
    stand_ins: dict[str, list[str]] = {}
    for step in plan:
        for replaced in step.get("instead_of", []):
            stand_ins.setdefault(replaced, []).append(step["id"])
    return [
        result
        for result in results
        if result["status"] not in ("done", "handed_over")
        and result["task"] not in tasks
        and not ((instead := stand_ins.get(result["step_id"])) and all(one in done for one in instead))
    ]
