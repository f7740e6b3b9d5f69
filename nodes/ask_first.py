"""Ask a person about steps whose agents need approval, and apply what was decided, or what holds when nobody did."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from langgraph.config import get_config
from langgraph.errors import GraphInterrupt
from langgraph.runtime import get_runtime

from twintrack.core.audit import By
from twintrack.core.tool_calls import place_of
from twintrack.guardrails.approvals import NOBODY, NOT_APPROVED, Approvals, Said
from twintrack.guardrails.tool_audit import Case, ToolAudit
from twintrack.nodes.delegate import asked, round_of
from twintrack.nodes.labels import also
from twintrack.nodes.state import Step, StepResult, TeamState
from twintrack.nodes.work import without_work

_RUN = "run this agent"
"""What stands in the record for the tool: the whole agent is asked about."""
CANNOT_WAIT = "this run cannot wait for a person"


@dataclass(frozen=True, slots=True)
class Asking:
    """How a person is asked, and where decisions are written down."""

    approvals: Approvals = field(default_factory=Approvals)
    audit: ToolAudit = field(default_factory=ToolAudit)

    async def about(self, state: TeamState, *, once: Collection[str] = frozenset()) -> dict[str, Any]:
        """Interrupt the run about the steps that are marked, and apply what comes back; agents in `once` only read."""
        steps = [step for step in round_of(state, once).ready if asked(step)]
        if place_of(get_config()) is None:
            return self._refused(state, steps)
        try:
            said = await self.approvals.ask(approval_request(steps), _place(steps))
        except GraphInterrupt:
            self._note(steps, "asked", by="policy")
            raise
        if said.lapsed:
            return self._lapsed(state, steps, said, once)
        update = _decided(state, steps, said.answer)
        refused = {result["step_id"] for result in update["results"]}
        self._note([step for step in steps if step["id"] in refused], "rejected", by="person")
        self._note([step for step in steps if step["id"] not in refused], "approved", by="person")
        return update

    def _refused(self, state: TeamState, steps: Sequence[Step]) -> dict[str, Any]:
        """Let none of them run: without a checkpointer nobody could come back with an answer."""
        self._note(steps, "refused", CANNOT_WAIT, by="policy")
        return {
            "results": [without_work(step, f"{NOT_APPROVED}: {CANNOT_WAIT}") for step in steps],
            "plan": state["plan"],
        }

    def _lapsed(self, state: TeamState, steps: Sequence[Step], said: Said, once: Collection[str]) -> dict[str, Any]:
        """Let those run that only read, where the question said so, and say in the answer what held."""
        run = [step for step in steps if said.approves(read_only=step["agent"] in once)]
        stopped = [step for step in steps if step not in run]
        self._note(run, "approved", NOBODY, by="time-out")
        self._note(stopped, "rejected", NOBODY, by="time-out")
        told = [f"{step['agent']} was {'approved' if step in run else 'rejected'} by default" for step in steps]
        label = f"{', '.join(dict.fromkeys(told))}, {NOBODY}"
        refused = [without_work(step, f"{NOT_APPROVED}: {NOBODY}") for step in stopped]
        plan = _approved(state, {step["id"]: step["task"] for step in run})
        return {"results": refused, "plan": plan, "degraded": also(state, label)}

    def _note(self, steps: Sequence[Step], decision: str, why: str = "", *, by: By) -> None:
        for step in steps:
            case = Case(step["agent"], _RUN, {"task": step["task"]}, get_runtime(), get_config())
            self.audit.note(case, decision, why, by=by)


def _place(steps: Sequence[Step]) -> str:
    """Return where a question about the steps is put: the same when the run goes on, in whatever process."""
    where = get_config().get("configurable") or {}
    return f"{where.get('checkpoint_ns', '')}|{','.join(step['id'] for step in steps)}"


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
    return result["error"].startswith(NOT_APPROVED)


def _decided(state: TeamState, asked: Sequence[Step], answer: Any) -> dict[str, Any]:
    """Apply one decision per step; what is not clearly an approval is none."""
    given = answer.get("decisions") if isinstance(answer, dict) else answer
    decisions = given if isinstance(given, list) else []
    results: list[StepResult] = []
    approved: dict[str, str] = {}
    for step, decision in zip_longest(asked, decisions[: len(asked)]):
        task = _approved_task(step, decision)
        if task is None:
            results.append(without_work(step, _why_not(decision)))
        else:
            approved[step["id"]] = task
    return {"results": results, "plan": _approved(state, approved)}


def _approved(state: TeamState, tasks: Mapping[str, str]) -> list[Step]:
    """Return the plan with the approved steps marked as such, and their tasks as they were approved."""
    return [
        Step(**{**step, "task": tasks[step["id"]], "approval": "given"}) if step["id"] in tasks else step
        for step in state["plan"]
    ]


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
        return f"{NOT_APPROVED}: no decision was given"
    understood = isinstance(decision, dict) and decision.get("type") == "reject"
    return NOT_APPROVED if understood else f"{NOT_APPROVED}: the decision was not understood"
