"""Plans of every kind, and a team whose agents end as their tasks say: one by rules, one by a model that calls tools."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import StructuredTool

from twintrack.app.testing import ScriptedChatModel
from twintrack.core.context import Context
from twintrack.core.errors import ModelUnavailable
from twintrack.graphs import team
from twintrack.graphs.agent_row import AgentSpec
from twintrack.graphs.model_agent import model_agent
from twintrack.graphs.resources import Resources
from twintrack.guardrails.tools import ToolAnnotations, ToolPolicy
from twintrack.nodes.findings import NO_ANSWER, GraphAgent
from twintrack.nodes.plan import Planned
from twintrack.nodes.state import Assignment, Step, TeamState
from twintrack.nodes.work import Agent, Finding

SECONDS = 45.0
KEYS = ["plan", "steps", "coverage", "coordination", "draft", "failure", "degraded"]
FATES = ("finds", "finds_late", "knows_nothing", "fails", "breaks", "hangs")
NAMES = ("a", "b", "c", "d", "e")
ASIDE = ("finds", "no_such_tool", "wrong_arguments")
"""Calls that a model makes beside the one that decides."""


@dataclass
class Cast:
    """Lets agents work and notes when; without one, a task's first word says how it ends."""

    agent: Agent | None = None
    began: dict[str, float] = field(default_factory=dict)
    ended: dict[str, float] = field(default_factory=dict)

    async def __call__(self, assignment: Assignment, config: RunnableConfig) -> Finding:
        step_id, task = assignment["step"]["id"], assignment["step"]["task"]
        clock = asyncio.get_running_loop().time
        self.began[step_id] = clock()
        try:
            if self.agent is not None:
                return await self.agent(assignment, config)
            found: Finding = await ENDS[task.split()[0]](task)
            return found
        finally:
            self.ended[step_id] = clock()


async def finds(task: str) -> Finding:
    return Finding(f"found: {task}")


async def finds_late(task: str) -> Finding:
    await asyncio.sleep(SECONDS - 1)
    return Finding(f"found: {task}")


async def knows_nothing(task: str) -> Finding:
    return Finding("", answered=False)


async def fails(task: str) -> Finding:
    raise ModelUnavailable("no model today")


async def breaks(task: str) -> Finding:
    raise ValueError(task)


async def hangs(task: str) -> Finding:
    await asyncio.sleep(10 * SECONDS)
    return Finding("too late")


ENDS: dict[str, Any] = {end.__name__: end for end in (finds, finds_late, knows_nothing, fails, breaks, hangs)}


async def act(task: str) -> str:
    found: Finding = await ENDS[task.split()[0]](task)
    return found.text


ACT = StructuredTool.from_function(coroutine=act, name="act", description="Act.")


def step(agent: str, name: str, *needs: str, task: str = "", instead_of: tuple[str, ...] = ()) -> Step:
    return Step(id=name, agent=agent, task=task or f"finds {name}", depends_on=[*needs], instead_of=[*instead_of])


@st.composite
def plans(draw: Any, mark: str = "") -> list[Step]:
    """Return any list of steps: circles, unknown agents and needs, names used twice."""
    steps = []
    for number in range(draw(st.integers(0, 10))):
        fate = draw(st.sampled_from(FATES))
        steps.append(
            Step(
                id=draw(st.sampled_from(NAMES)),
                agent=draw(st.sampled_from(("worker", "caller", "helper", "nobody"))),
                task=f"{fate} {mark}{draw(st.sampled_from((number, number, 0)))}",
                depends_on=draw(st.lists(st.sampled_from((*NAMES, "z")), max_size=3)),
                instead_of=draw(st.lists(st.sampled_from((*NAMES, "z")), max_size=1)) if mark else [],
            )
        )
    return steps


class Caller:
    """An agent that a model plays: it calls a tool that ends as the task says, beside others, and tells what came back."""

    def __init__(self) -> None:
        self.conversations: list[list[BaseMessage]] = []
        self.calls = 0
        row = AgentSpec(name="caller", purpose="Acts.", tools=(ACT,))
        policy = ToolPolicy(allowed={"caller": frozenset({"act"})}, annotations={"act": ToolAnnotations()})
        self._graph = model_agent(row, ScriptedChatModel(script=self._say), [ACT], policy, None)
        self._agent = GraphAgent(self, computes=True)  # type: ignore[arg-type]  # it asks for no more than `ainvoke`

    async def __call__(self, assignment: Assignment, config: RunnableConfig) -> Finding:
        return await self._agent(assignment, config)

    async def ainvoke(self, asked: Any, config: RunnableConfig, *, context: Any) -> Any:
        state = await self._graph.ainvoke(asked, config, context=context)
        self.conversations.append(state["messages"])
        return state

    def _say(self, messages: list[BaseMessage]) -> AIMessage:
        self.conversations.append([*messages])
        task = next(one.text for one in messages if isinstance(one, HumanMessage)).splitlines()[0]
        told = [one for one in messages if isinstance(one, ToolMessage)]
        if told:
            return AIMessage(told[-1].text if task.split()[0] != "knows_nothing" else NO_ANSWER)
        beside = [ASIDE[place % 3] for place in range(int(task.split()[-1]) % 4)]
        return AIMessage("", tool_calls=[self._call(name, task) for name in (*beside, "act")])

    def _call(self, kind: str, task: str) -> Any:
        self.calls += 1
        args = {"finds": {"task": "finds beside"}, "act": {"task": task}}.get(kind, {"what": 1})
        return {"name": kind if kind == "no_such_tool" else "act", "args": args, "id": f"call-{self.calls}"}


class Stage:
    """The team's compiled graph, whose planner and agents change from run to run."""

    def __init__(self, resources: Resources) -> None:
        self.rounds: list[list[Step]] = []
        self.agents: dict[str, Agent] = {}
        rows = [AgentSpec(name="worker", purpose="Reads.", tools=("search_corpus",), reads=frozenset({"documents"}))]
        self.graph = team.build(resources, rows, planner=self._plan, agents=self.agents).compile()

    async def _plan(self, _: TeamState) -> Planned:
        return Planned(self.rounds.pop(0) if self.rounds else [])

    async def answered(self, rounds: list[list[Step]], **agents: Agent) -> Any:
        self.rounds[:] = rounds
        self.agents.clear()
        self.agents.update(agents)
        asked: Any = {"messages": [HumanMessage("q")], "question": "q"}
        return await self.graph.ainvoke(asked, {"recursion_limit": 60}, context=Context(), output_keys=KEYS)
