"""Answer by the simple track what the complex one could not."""

from typing import Any, Literal

from langchain_core.runnables import RunnableConfig

from twintrack.guardrails.run_meter import is_spent
from twintrack.nodes.labels import also
from twintrack.nodes.state import State


async def step_down(state: State) -> dict[str, Any]:
    """Label the turn as degraded and say why, before the direct track answers."""
    why = state.get("failure") or "the team had no answer"
    return {
        "degraded": also(state, f"stepped down from team to direct: {why}"),
        "tried": ["team"],
        "draft": None,
        "failure": "",
    }


def after_direct(state: State, config: RunnableConfig) -> Literal["team", "release"]:
    """Escalate once where the direct track has no answer, unless the run has reached one of its limits."""
    draft = state.get("draft")
    answered = draft is not None and draft["status"] != "abstained"
    return "release" if answered or "team" in state.get("tried", []) or is_spent(config) else "team"


def after_team(state: State) -> Literal["step_down", "release"]:
    """Step down when the team handed back no draft, unless direct has had its turn."""
    return "release" if state.get("draft") or "direct" in state.get("tried", []) else "step_down"
