"""What each pattern of working together costs by itself: agents that do nothing, so that only coordination is left."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig

from twintrack.core.context import Context
from twintrack.graphs import team
from twintrack.graphs.agent_row import AgentSpec
from twintrack.graphs.resources import Resources
from twintrack.nodes.member import TeamMember
from twintrack.nodes.plan import Planned, Planner
from twintrack.nodes.state import Assignment, HandOver, Step, TeamState
from twintrack.nodes.work import Finding

Run = Callable[[], Awaitable[Any]]


def patterns(resources: Resources, steps: int) -> dict[str, Run]:
    """Return the same number of empty steps, done by a supervisor, by peers in a chain, and by two teams below one."""
    names = [f"worker_{number}" for number in range(steps)]
    rows = [_row(name) for name in names]
    chain = tuple(_row(name, after) for name, after in zip(names, [*names[1:], ""], strict=True))
    crew = AgentSpec(name="crew", purpose="Works together.", members=chain, pattern="peers", max_hops=steps)
    halves = {"east": rows[: (steps + 1) // 2], "west": rows[steps // 2 :]}
    teams = {name: TeamMember(_team(resources, half).compile(name=name)) for name, half in halves.items()}
    above = team.build(resources, [_row(name) for name in teams], planner=_planner([*teams]), agents=teams)
    return {
        "supervisor": _run(_team(resources, rows)),
        "peers": _run(_team(resources, [crew])),
        "hierarchical": _run(above),
    }


def _team(resources: Resources, rows: Sequence[AgentSpec]) -> Any:
    return team.build(resources, rows, planner=_planner([row.name for row in rows]))


def _row(name: str, after: str = "") -> AgentSpec:
    async def agent(assignment: Assignment, config: RunnableConfig) -> Finding:
        del config
        task = assignment["step"]["task"]
        return Finding(f"{name} did {task}", hand_over=HandOver(to=after, task=f"{task}+") if after else None)

    return AgentSpec(name=name, purpose=f"Does what {name} does.", without_model=lambda *_: agent)


def _planner(names: list[str]) -> Planner:
    async def planner(state: TeamState) -> Planned:
        if state.get("results"):
            return Planned([])
        return Planned([Step(id=name, agent=name, task=f"part {name}", depends_on=[]) for name in names])

    return planner


def _run(drawn: Any) -> Run:
    graph = drawn.compile()
    asked: Any = {"messages": [HumanMessage("Do it.")], "question": "Do it."}

    async def run() -> Any:
        return await graph.ainvoke(asked, context=Context())

    return run
