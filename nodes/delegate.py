"""Hand the steps that are ready to their agents, all at once."""

import time
from collections.abc import Callable, Collection, Sequence
from typing import Any, Literal, NamedTuple

from langgraph.types import Send

from twintrack.nodes.effort import spent
from twintrack.nodes.state import NOTHING_RECALLED, Assignment, Step, StepResult, TeamState
from twintrack.nodes.work import without_work


class Round(NamedTuple):
    """What can be done about the open steps of a plan."""

    ready: list[Step]
    """Their inputs are all there."""
    twins: list[tuple[Step, StepResult]]
    """Done already, by an equal step."""
    dead: list[tuple[Step, str]]
    """They can never run, and why."""


async def delegate(
    state: TeamState, *, approve: Collection[str], once: Collection[str] = frozenset()
) -> dict[str, Any]:
    """Skip steps that can never run, and mark those that a person must approve first.

    The mark is part of the plan: whoever goes on from there, under whatever settings, waits for the answer.
    """
    began = time.perf_counter()
    ready, twins, dead = round_of(state, once)
    results = [without_work(step, why) for step, why in dead]
    results += [_as(step, result) for step, result in twins]
    marked = {step["id"] for step in ready if step["agent"] in approve and "approval" not in step}
    waits = marked or any(map(asked, ready))
    update = {"results": results, **spent("delegate", began, messages=0 if waits else len(ready))}
    return {**update, "plan": [_marked(step, marked) for step in state["plan"]]} if marked else update


def ready(once: Collection[str] = frozenset()) -> Callable[[TeamState], list[Send] | Literal["ask", "gather"]]:
    """Return what fans out the steps whose inputs are all there, once those to be asked about were asked about."""

    def sent(state: TeamState) -> list[Send] | Literal["ask", "gather"]:
        going = round_of(state, once).ready
        if any(map(asked, going)):
            return "ask"
        return [Send("agent", _assignment(state, step)) for step in going] or "gather"

    return sent


def asked(step: Step) -> bool:
    """Tell whether a step waits for a person."""
    return step.get("approval") == "asked"


def _marked(step: Step, marked: Collection[str]) -> Step:
    return Step(**{**step, "approval": "asked"}) if step["id"] in marked else step


def round_of(state: TeamState, once: Collection[str] = frozenset()) -> Round:
    """Sort the open steps; of equal ones for agents in `once`, one works for all."""
    results = {result["step_id"]: result for result in state.get("results", [])}
    plan = state["plan"]
    open_steps = [step for step in plan if step["id"] not in results]
    dead = _dead(plan, results)
    found = Round([], [], [(step, dead[step["id"]]) for step in open_steps if step["id"] in dead])
    done = {call: results[step["id"]] for step in plan if step["id"] in results and (call := _call(step, once))}
    going: set[_Call] = set()
    for step in open_steps:
        if step["id"] in dead or not all(need in results for need in step["depends_on"]):
            continue
        call = _call(step, once)
        if call in done and done[call]["status"] == "done":
            found.twins.append((step, done[call]))
        elif call is None or call not in going:
            found.ready.append(step)
            going |= {call} if call else set()
    return found


_Call = tuple[str, str, tuple[str, ...], tuple[str, ...] | None]


def _call(step: Step, once: Collection[str]) -> _Call | None:
    """Return what makes two steps equal, or None where each counts."""
    if step["agent"] not in once:
        return None
    tools = tuple(sorted(step["tools"])) if "tools" in step else None
    return step["agent"], step["task"], tuple(sorted(step["depends_on"])), tools


def _dead(plan: Sequence[Step], results: dict[str, StepResult]) -> dict[str, str]:
    """Return the steps that can never run, each with its reason."""
    alive = {step["id"] for step in plan if step["id"] not in results or results[step["id"]]["status"] == "done"}
    known = {step["id"] for step in plan}
    dead: dict[str, str] = {}
    reached = {step["id"] for step in plan if step["id"] in results and step["id"] in alive}
    # What can still be reached grows from what is done; the rest waits for the dead, or in a circle.
    while grown := {
        step["id"] for step in plan if step["id"] in alive - reached and reached.issuperset(step["depends_on"])
    }:
        reached |= grown
    for step in plan:
        if step["id"] in results or step["id"] in reached:
            continue
        needs = set(step["depends_on"])
        if needs - known:
            dead[step["id"]] = "it depends on a step that is not in the plan"
        else:
            dead[step["id"]] = "a step it depends on has no result"
    return dead


def _assignment(state: TeamState, step: Step) -> Assignment:
    inputs = [result for result in state.get("results", []) if result["step_id"] in step["depends_on"]]
    recalled = state.get("recalled", NOTHING_RECALLED)
    return Assignment(step=step, question=state["question"], inputs=inputs, recalled=recalled)


def _as(step: Step, result: StepResult) -> StepResult:
    """Return an equal step's result as this one's; the work is counted once."""
    return StepResult(**{**result, "step_id": step["id"], "seconds": 0.0, "tokens": 0, "messages": 0, "again": True})
