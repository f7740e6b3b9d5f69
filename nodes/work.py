"""Let one sub-agent do its step, inside its time limit, and label whatever comes of it."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphBubbleUp

from twintrack.core.errors import TwintrackError
from twintrack.core.passages import Citation
from twintrack.guardrails.task_tools import narrowed
from twintrack.nodes.state import Assignment, Effort, HandOver, Line, Step, StepResult, StepStatus

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Finding:
    """What an agent brings back."""

    text: str
    """What was found, with citation marks."""
    citations: list[Citation] = field(default_factory=list)
    answered: bool = True
    lacks: str = ""
    """What is missing beside what was found; empty when nothing is."""
    tokens: int = 0
    messages: int | None = None
    """Messages of the agent's own conversation; None where it has none."""
    transcript: list[Line] = field(default_factory=list)
    degraded: str = ""
    """Why it was done in a simpler way than it should have been; empty when it was not."""
    within: Effort | None = None
    """What coordinating took inside a team."""
    between: dict[str, int] = field(default_factory=dict)
    """Who gave tasks to whom inside a team."""
    hand_over: HandOver | None = None
    """Who is to go on, where agents hand over to each other."""
    whole: bool = True
    """Whether nothing was refused, failed, marked or cut short on the way."""
    again: bool = False
    """Whether it was found before, for an equal task."""


class Agent(Protocol):
    """Does one task and sees nothing else."""

    async def __call__(self, assignment: Assignment, config: RunnableConfig) -> Finding:
        """Return what was found."""
        ...


@dataclass(frozen=True, slots=True)
class Absent:
    """Stands for an agent that cannot work here, and says why each time it is asked."""

    why: TwintrackError

    async def __call__(self, assignment: Assignment, config: RunnableConfig) -> Finding:
        """Fail with the reason."""
        del assignment, config
        raise self.why


async def work(
    state: Assignment, config: RunnableConfig, *, agents: Mapping[str, Agent], seconds: Callable[[str], float]
) -> dict[str, Any]:
    """Run the step's agent; a failure or a time-out is a result too, never an exception."""
    started = time.monotonic()
    name = state["step"]["agent"]
    if (agent := agents.get(name)) is None:
        return _result(state, started, "failed", error=f"there is no agent called {name!r}")
    try:
        async with asyncio.timeout(seconds(name)):
            found = await agent(state, _for_step(state["step"], config))
    except TimeoutError:
        return _result(state, started, "timed_out", error="no result in time")
    except TwintrackError as error:
        return _result(state, started, "failed", error=error.problem)
    except GraphBubbleUp:
        raise
    except Exception as error:  # noqa: BLE001 - the boundary around code that is not ours: agents and their tools
        log.warning("agent %s broke: %s", name, type(error).__name__)
        return _result(state, started, "failed", error=f"the agent broke ({type(error).__name__})")
    return _result(state, started, _status(found), found, error=found.lacks)


def _for_step(step: Step, config: RunnableConfig) -> RunnableConfig:
    return cast(RunnableConfig, narrowed(config, step["tools"])) if "tools" in step else config


_NOTHING = Finding("")


def _status(found: Finding) -> StepStatus:
    if found.answered and (found.text or not found.hand_over):
        return "done"
    return "handed_over" if found.hand_over else "abstained"


def _result(
    state: Assignment,
    started: float,
    status: StepStatus,
    found: Finding = _NOTHING,
    error: str = "",
) -> dict[str, Any]:
    step = state["step"]
    result = StepResult(
        step_id=step["id"],
        agent=step["agent"],
        task=step["task"],
        status=status,
        text=found.text,
        citations=found.citations,
        error=error,
        seconds=round(time.monotonic() - started, 3),
        tokens=found.tokens,
    )
    if found.degraded:
        result["degraded"] = found.degraded
    if found.again:
        result["again"] = True
    if found.within is not None:
        result["within"], result["between"] = found.within, found.between
    if found.hand_over is not None:
        result["hand_over"] = found.hand_over
    if found.messages is not None:
        result["messages"] = found.messages
        result["transcript"] = found.transcript
    return {"results": [result]}


def without_work(step: Step, why: str) -> StepResult:
    """Return the result of a step that no agent was given."""
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
