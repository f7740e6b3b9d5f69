"""What happens when a step breaks: a labelled way on, never a raw error."""
# ruff: noqa: ARG001 - LangGraph gives an error handler the state, whether it wants it or not

import logging

from langgraph.errors import NodeError
from langgraph.types import Command

from twintrack.core.errors import TwintrackError
from twintrack.nodes.labels import also
from twintrack.nodes.state import State

log = logging.getLogger(__name__)


def broke(error: NodeError) -> str:
    """Return what may be said of a failure: our own words, or the error's kind alone."""
    log.warning("step %s broke: %s", error.node, type(error.error).__name__)
    if isinstance(error.error, TwintrackError):
        return f"{error.node}: {error.error.problem}"
    return f"{error.node} broke ({type(error.error).__name__})"


async def to_step_down(state: State, error: NodeError) -> Command[str]:
    """Let the direct track answer what the team could not."""
    return Command(goto="step_down", update={"failure": broke(error)})


async def to_fail(state: State, error: NodeError) -> Command[str]:
    """End the turn with a labelled apology."""
    return Command(goto="fail", update={"failure": broke(error)})


async def to_route(state: State, error: NodeError) -> Command[str]:
    """Go on without memories."""
    return Command(goto="route", update={"degraded": also(state, f"answered without memory: {broke(error)}")})


async def to_team(state: State, error: NodeError) -> Command[str]:
    """Let the team try what no route was found for: unsure goes to the team."""
    return Command(goto="team", update={"degraded": also(state, f"no route was chosen: {broke(error)}")})


async def keep_answer(state: State, error: NodeError) -> dict[str, str]:
    """Keep the answer although the turn was not remembered."""
    return {"degraded": also(state, f"not remembered: {broke(error)}")}
