"""A whole team, used as one agent: its plan and its failures stay inside, what it lacks is told outside."""

from typing import Any

from langchain_core.messages import HumanMessage
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.config import merge_configs
from langgraph.runtime import get_runtime

from twintrack.core.context import Context
from twintrack.core.errors import Unavailable
from twintrack.nodes.prompts import task_prompt
from twintrack.nodes.state import NOTHING_RECALLED, Assignment, Coordination, Effort, Line, StepResult
from twintrack.nodes.structured import QUIET
from twintrack.nodes.work import Finding

_LINE_CHARS = 250


class TeamMember:
    """Gives a team's compiled graph its task as a question of its own."""

    def __init__(self, graph: Runnable[Any, Any]) -> None:
        self._graph = graph

    async def __call__(self, assignment: Assignment, config: RunnableConfig) -> Finding:
        """Return the team's answer as a finding.

        Raises:
            Unavailable: nobody in the team had a result; the message says why.
        """
        request = {
            "messages": [HumanMessage(task_prompt(assignment))],
            "question": assignment["step"]["task"],
            "recalled": assignment.get("recalled", NOTHING_RECALLED),
        }
        context = get_runtime(Context).context
        state = await self._graph.ainvoke(request, merge_configs(config, QUIET), context=context)
        draft, steps = state.get("draft"), state.get("steps", [])
        if draft is None:
            raise Unavailable(f"the team: {state.get('failure') or 'no result'}")
        return Finding(
            draft["text"],
            draft["citations"],
            draft["status"] == "answered",
            lacks=draft.get("reason", ""),
            degraded=state.get("degraded", ""),
            **_inside(state.get("coordination")),
            tokens=sum(step.get("tokens", 0) for step in steps),
            messages=2 * len(steps),
            transcript=[_line(step) for step in steps],
        )


def _inside(took: Coordination | None) -> dict[str, Any]:
    """Return what coordinating the team took, so that whoever stands above counts it as that."""
    if took is None:
        return {}
    parts = [*took["by_step"].values()]
    within = Effort(
        step="within",
        seconds=sum(one["seconds"] for one in parts),
        tokens=sum(one["tokens"] for one in parts),
        messages=sum(one["messages"] for one in parts),
    )
    return {"within": within, "between": took.get("between", {})}


def _line(step: StepResult) -> Line:
    said = f"{step['task']} ({step['status']}): {step['text'] or step['error']}"
    return Line(role=step["agent"], text=said if len(said) <= _LINE_CHARS else f"{said[:_LINE_CHARS]} … (cut)")
