"""Lets peers hand a task over to each other: so often, never twice the same, and only to somebody who is there."""

import time
from collections.abc import Callable, Collection, Mapping
from typing import Any

from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, StructuredTool
from langgraph.types import Command
from pydantic import BaseModel, ConfigDict, Field

from twintrack.nodes.ask_first import Asking
from twintrack.nodes.effort import spent
from twintrack.nodes.state import NOTHING_RECALLED, Assignment, HandOver, PeersState, Step, TeamState
from twintrack.nodes.work import Agent, without_work, work

HAND_OVER = "hand_over"


class HandOverArguments(BaseModel):
    """What `hand_over` takes."""

    model_config = ConfigDict(extra="forbid")
    to: str = Field(description="Name of the colleague.", max_length=100)
    task: str = Field(description="What is left to do, complete in itself.", min_length=1, max_length=4000)


def hand_over_tool() -> BaseTool:
    """Return the tool that ends a peer's turn; the graph, not the tool, decides whether the colleague gets it."""

    async def run(to: str, task: str) -> tuple[str, HandOver]:
        return f"Handed over to {to}.", HandOver(to=to, task=task)

    return StructuredTool.from_function(
        coroutine=run,
        name=HAND_OVER,
        description="Hand what is left of the task over to a colleague. Say first what you have found.",
        args_schema=HandOverArguments,
        response_format="content_and_artifact",
        return_direct=True,
    )


async def take_turn(
    state: PeersState,
    config: RunnableConfig,
    *,
    name: str,
    agents: Mapping[str, Agent],
    seconds: Callable[[str], float],
    max_hops: int,
    approve: Collection[str] = frozenset(),
) -> Command[str]:
    """Let one peer work, then go where it hands over to, or to the end; where a person must approve that peer, to `ask`."""
    hops = state.get("hops", [])
    step = _step(state, name)
    inputs = state.get("results", [])
    given = Assignment(
        step=step, question=state["question"], inputs=inputs, recalled=state.get("recalled", NOTHING_RECALLED)
    )
    worked = await work(given, config, agents=agents, seconds=seconds)
    began = time.perf_counter()
    results = worked["results"]
    if (onward := results[0].get("hand_over")) is None:
        return Command(goto="gather", update={"results": results})
    if why := _refusal(onward, name, hops, agents, max_hops):
        refused = Step(id=f"{step['id']}+", agent=onward["to"], task=onward["task"], depends_on=[])
        return Command(goto="gather", update={"results": [*results, without_work(refused, why)]})
    update: dict[str, Any] = {"results": results, "task": onward["task"], "hops": [*hops, onward]}
    to = "ask" if onward["to"] in approve else onward["to"]
    return Command(goto=to, update={**update, **spent(HAND_OVER, began, messages=1)})


async def ask_about_turn(
    state: PeersState, *, first: str, asking: Asking, once: Collection[str] = frozenset()
) -> Command[str]:
    """Ask a person about the peer whose turn is next; peers in `once` only read."""
    hops = state.get("hops", [])
    name = hops[-1]["to"] if hops else first
    step = Step(**{**_step(state, name), "approval": "asked"})
    asked = TeamState(messages=[], question=state["question"], plan=[step], degraded=state.get("degraded", ""))
    update = await asking.about(asked, once=once)
    plan = update.pop("plan")
    if update["results"]:
        return Command(goto="gather", update=update)
    return Command(goto=name, update={**update, "task": plan[0]["task"]})


def _step(state: PeersState, name: str) -> Step:
    task = state.get("task") or state["question"]
    return Step(id=str(len(state.get("hops", [])) + 1), agent=name, task=task, depends_on=[])


def _refusal(onward: HandOver, by: str, hops: list[HandOver], agents: Mapping[str, Agent], max_hops: int) -> str:
    if onward["to"] not in agents or onward["to"] == by:
        return f"{by} handed it over to nobody"
    if onward in hops:
        return "it was handed round in a circle"
    return f"it was handed over {max_hops} times already" if len(hops) >= max_hops else ""
