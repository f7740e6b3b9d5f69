"""How coordination grows with the number of agents, and what it takes to hand a task from one to the next."""

import statistics
import time
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig

from twintrack.app.assemble import make_parts
from twintrack.bench.team_patterns import patterns
from twintrack.core.context import Context
from twintrack.core.settings import load_settings
from twintrack.graphs import team
from twintrack.graphs.agent_row import AgentSpec
from twintrack.graphs.resources import Resources
from twintrack.nodes.plan import Planned
from twintrack.nodes.state import Assignment, HandOver, Step, TeamState
from twintrack.nodes.work import Finding

PEERS = 4


async def growth(agents: Sequence[int], runs: int) -> dict[str, dict[str, float]]:
    """Return the CPU milliseconds that coordination takes per step, by pattern and number of agents."""
    most = max(agents, default=1)
    resources = make_parts(load_settings(budgets={"max_plan_steps": max(8, most)})).resources
    found: dict[str, dict[str, float]] = {"supervisor": {}, "peers": {}}
    for number in agents:
        sides = patterns(resources, number)
        for name in found:
            await sides[name]()
            began = time.process_time()
            for _ in range(runs):
                await sides[name]()
            found[name][str(number)] = round((time.process_time() - began) * 1000 / runs / number, 3)
    return found


async def hand_over_ms(runs: int) -> dict[str, float]:
    """Return how long it takes from a peer's last word to the next one's beginning."""
    times: list[tuple[float, float]] = []
    graph = team.build(make_parts(load_settings()).resources, [_crew(times)], planner=_plans).compile()
    asked: Any = {"messages": [HumanMessage("Do it.")], "question": "Do it."}
    waits: list[float] = []
    for _ in range(runs):
        times.clear()
        await graph.ainvoke(asked, context=Context())
        waits += [(after[0] - before[1]) * 1000 for before, after in pairwise(times)]
    return {"p50": round(statistics.median(waits), 3), "max": round(max(waits), 3)}


def _crew(times: list[tuple[float, float]]) -> AgentSpec:
    names = [f"peer_{number}" for number in range(PEERS)]
    members = tuple(_peer(name, after, times) for name, after in zip(names, [*names[1:], ""], strict=True))
    return AgentSpec(name="crew", purpose="Works together.", members=members, pattern="peers", max_hops=PEERS)


def _peer(name: str, after: str, times: list[tuple[float, float]]) -> AgentSpec:
    async def works(assignment: Assignment, config: RunnableConfig) -> Finding:
        del config
        began, task = time.perf_counter(), assignment["step"]["task"]
        found = Finding(f"{name} did {task}", hand_over=HandOver(to=after, task=f"{task}+") if after else None)
        times.append((began, time.perf_counter()))
        return found

    def made(_: Resources, __: Any) -> Any:
        return works

    return AgentSpec(name=name, purpose=f"Does what {name} does.", without_model=made)


async def _plans(state: TeamState) -> Planned:
    if state.get("results"):
        return Planned([])
    return Planned([Step(id="1", agent="crew", task="all of it", depends_on=[])])
