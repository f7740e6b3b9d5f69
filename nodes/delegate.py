"""Hand the steps that are ready to their agents, all at once."""

from collections.abc import Collection, Sequence
from itertools import zip_longest
from typing import Any, Literal

from langgraph.types import Send, interrupt

from twintrack.nodes.state import NOTHING_RECALLED, Assignment, Step, StepResult, TeamState

_NOT_APPROVED = "not approved"


async def delegate(state: TeamState, *, approve: Collection[str]) -> dict[str, Any]:
    """Skip steps whose inputs failed, and ask a person about agents that need approval."""
    ready, blocked = _sorted_out(state)
    results = [_skipped(step, "a step it depends on has no result") for step in blocked]
    asked = [step for step in ready if step["agent"] in approve]
    if not asked:
        return {"results": results}
    return _decided(state, asked, interrupt(approval_request(asked)), results)


def ready(state: TeamState) -> list[Send] | Literal["gather"]:
    """Fan out the steps whose inputs are all there; with none, go on to `gather`."""
    steps, _ = _sorted_out(state)
    return [Send("agent", _assignment(state, step)) for step in steps] or "gather"


def approval_request(steps: Sequence[Step]) -> dict[str, Any]:
    """Return the interrupt payload that chat clients show as cards to approve, edit or reject."""
    return {
        "action_requests": [
            {"name": step["agent"], "args": {"task": step["task"]}, "description": f"{step['agent']}: {step['task']}"}
            for step in steps
        ],
        "review_configs": [
            {"action_name": step["agent"], "allowed_decisions": ["approve", "edit", "reject"]} for step in steps
        ],
    }


def rejected(result: StepResult) -> bool:
    """Tell whether a person did not want the step done."""
    return result["error"].startswith(_NOT_APPROVED)


def _decided(state: TeamState, asked: Sequence[Step], answer: Any, results: list[StepResult]) -> dict[str, Any]:
    """Apply one decision per step; what is not clearly an approval is none."""
    given = answer.get("decisions") if isinstance(answer, dict) else answer
    decisions = given if isinstance(given, list) else []
    edited: dict[str, str] = {}
    for step, decision in zip_longest(asked, decisions[: len(asked)]):
        task = _approved_task(step, decision)
        if task is None:
            results = [*results, _skipped(step, _why_not(decision))]
        else:
            edited[step["id"]] = task
    plan = [Step(**{**step, "task": edited.get(step["id"], step["task"])}) for step in state["plan"]]
    return {"results": results, "plan": plan}


def _approved_task(step: Step, decision: Any) -> str | None:
    """Return the task to do, as approved or as edited, or None."""
    kind = decision.get("type") if isinstance(decision, dict) else None
    if kind == "approve":
        return step["task"]
    if kind != "edit":
        return None
    action = decision.get("edited_action")
    arguments = action.get("args") if isinstance(action, dict) else None
    task = arguments.get("task") if isinstance(arguments, dict) else None
    return task if isinstance(task, str) and task.strip() else None


def _why_not(decision: Any) -> str:
    if decision is None:
        return f"{_NOT_APPROVED}: no decision was given"
    understood = isinstance(decision, dict) and decision.get("type") == "reject"
    return _NOT_APPROVED if understood else f"{_NOT_APPROVED}: the decision was not understood"


def _sorted_out(state: TeamState) -> tuple[list[Step], list[Step]]:
    """Return the open steps that can run now, and those that never can."""
    results = {result["step_id"]: result for result in state.get("results", [])}
    dead = {step_id for step_id, result in results.items() if result["status"] != "done"}
    runnable: list[Step] = []
    blocked: list[Step] = []
    for step in state["plan"]:
        if step["id"] in results:
            continue
        if dead & set(step["depends_on"]):
            blocked.append(step)
            dead.add(step["id"])
        elif all(need in results for need in step["depends_on"]):
            runnable.append(step)
    return runnable, blocked


def _assignment(state: TeamState, step: Step) -> Assignment:
    inputs = [result for result in state.get("results", []) if result["step_id"] in step["depends_on"]]
    recalled = state.get("recalled", NOTHING_RECALLED)
    return Assignment(step=step, question=state["question"], inputs=inputs, recalled=recalled)


def _skipped(step: Step, why: str) -> StepResult:
    return StepResult(
        step_id=step["id"],
        agent=step["agent"],
        task=step["task"],
        status="skipped",
        text="",
        citations=[],
        error=why,
        seconds=0.0,
    )
