"""Let one sub-agent do its step, inside its time limit, and label whatever comes of it."""

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Any, Literal, Protocol

from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphBubbleUp

from twintrack.core.errors import TwintrackError
from twintrack.core.passages import Citation
from twintrack.nodes.state import Assignment, StepResult

log = logging.getLogger(__name__)


class Finding(Protocol):
    """What an agent brings back."""

    @property
    def text(self) -> str:
        """Return the finding, with citation marks."""
        ...

    @property
    def citations(self) -> list[Citation]:
        """Return the quotes behind the marks."""
        ...

    @property
    def answered(self) -> bool:
        """Tell whether the task was done."""
        ...


class Agent(Protocol):
    """Does one task and sees nothing else."""

    async def __call__(self, assignment: Assignment, config: RunnableConfig) -> Finding:
        """Return what was found."""
        ...


async def work(
    state: Assignment,
    config: RunnableConfig,
    *,
    agents: Mapping[str, Agent],
    seconds: float,
) -> dict[str, Any]:
    """Run the step's agent; a failure or a time-out is a result too, never an exception."""
    started = time.monotonic()
    agent = agents[state["step"]["agent"]]
    try:
        async with asyncio.timeout(seconds):
            found = await agent(state, config)
    except TimeoutError:
        return _result(state, started, "timed_out", error=f"no result within {seconds:g} s")
    except TwintrackError as error:
        return _result(state, started, "failed", error=error.problem)
    except GraphBubbleUp:
        raise
    except Exception as error:  # noqa: BLE001 - the boundary around code that is not ours: agents and their tools
        log.warning("agent %s broke: %s", state["step"]["agent"], type(error).__name__)
        return _result(state, started, "failed", error=f"the agent broke ({type(error).__name__})")
    return _result(state, started, "done" if found.answered else "abstained", found.text, found.citations)


def _result(
    state: Assignment,
    started: float,
    status: Literal["done", "abstained", "failed", "timed_out"],
    text: str = "",
    citations: list[Citation] | None = None,
    error: str = "",
) -> dict[str, Any]:
    step = state["step"]
    result = StepResult(
        step_id=step["id"],
        agent=step["agent"],
        task=step["task"],
        status=status,
        text=text,
        citations=citations or [],
        error=error,
        seconds=round(time.monotonic() - started, 3),
    )
    return {"results": [result]}
