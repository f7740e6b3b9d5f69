"""Hand the steps that are ready to their agents, all at once."""

from collections.abc import Collection, Sequence
from typing import Any, Literal

from langgraph.types import Send, interrupt

from twintrack.nodes.state import NOTHING_RECALLED, Assignment, Step, StepResult, TeamState


async def delegate(state: TeamState, *, approve: Collection[str]) -> dict[str, Any]:
    """Skip steps whose inputs failed, and ask a person about agents that need approval."""
    ready, blocked = _sorted_out(state)
    results = [_skipped(step, "a step it depends on has no result") for step in blocked]
    asked = [step for step in ready if step["agent"] in approve]
    if not asked:
        return {"results": results}
    decisions = interrupt(approval_request(asked))["decisions"]
    return _decided(state, asked, decisions, results)


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


def _decided(
    state: TeamState, asked: Sequence[Step], decisions: Sequence[dict[str, Any]], results: list[StepResult]
) -> dict[str, Any]:
    edited: dict[str, str] = {}
    missing: list[dict[str, Any]] = [{"type": "reject"}] * len(asked)
    for step, decision in zip(asked, [*decisions, *missing], strict=False):
        if decision["type"] == "edit":
            edited[step["id"]] = str(decision["edited_action"]["args"]["task"])
        elif decision["type"] != "approve":
            results.append(_skipped(step, "not approved"))
    plan = [Step(**{**step, "task": edited.get(step["id"], step["task"])}) for step in state["plan"]]
    return {"results": results, "plan": plan}


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
