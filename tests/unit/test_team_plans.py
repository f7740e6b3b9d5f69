"""Whatever plan the team is given: no step is lost, no failure is told as success, every call has its answer."""

import asyncio
import operator
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import StructuredTool
from langgraph.graph import START, StateGraph

from tests import virtual_time
from twintrack.app.assemble import make_parts
from twintrack.app.testing import ScriptedChatModel
from twintrack.core.context import Context
from twintrack.core.errors import ModelUnavailable
from twintrack.core.settings import Settings
from twintrack.graphs import team
from twintrack.graphs.agent_row import AgentSpec
from twintrack.graphs.model_agent import model_agent
from twintrack.graphs.resources import Resources
from twintrack.guardrails.tools import ToolPolicy
from twintrack.nodes.effort import coordination
from twintrack.nodes.findings import GraphAgent
from twintrack.nodes.plan import Planned
from twintrack.nodes.state import Assignment, Effort, Step, StepResult, TeamState
from twintrack.nodes.work import Agent, Finding, work

SECONDS = 45.0
KEYS = ["plan", "steps", "coverage", "coordination", "draft", "failure"]
FATES = ("finds", "finds_late", "knows_nothing", "fails", "breaks", "hangs")
NAMES = ("a", "b", "c", "d", "e")
Fate = str


@dataclass
class Cast:
    """Agents whose tasks say how each will end."""

    began: dict[str, float] = field(default_factory=dict)
    ended: dict[str, float] = field(default_factory=dict)

    async def __call__(self, assignment: Assignment, config: RunnableConfig) -> Finding:
        task = assignment["step"]["task"]
        clock = asyncio.get_running_loop().time
        self.began[assignment["step"]["id"]] = clock()
        try:
            found: Finding = await ENDS[task.split()[0]](task)
            return found
        finally:
            self.ended[assignment["step"]["id"]] = clock()


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


@st.composite
def plans(draw: Any, mark: str = "") -> list[Step]:
    """Return any list of steps: circles, unknown agents and needs, names used twice."""
    steps = []
    for number in range(draw(st.integers(0, 10))):
        fate = draw(st.sampled_from(FATES))
        steps.append(
            Step(
                id=draw(st.sampled_from(NAMES)),
                agent=draw(st.sampled_from(("worker", "worker", "helper", "nobody"))),
                task=f"{fate} {mark}{draw(st.sampled_from((number, number, 0)))}",
                depends_on=draw(st.lists(st.sampled_from((*NAMES, "z")), max_size=3)),
                instead_of=draw(st.lists(st.sampled_from((*NAMES, "z")), max_size=1)) if mark else [],
            )
        )
    return steps


@pytest.fixture(scope="module")
def resources() -> Resources:
    tree = Settings.model_validate({"budgets": {"agent_seconds": SECONDS, "max_plan_steps": 8, "max_replans": 1}})
    return make_parts(tree).resources


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


@pytest.fixture(scope="module")
def stage(resources: Resources) -> Stage:
    return Stage(resources)


@settings(max_examples=60, deadline=None)
@given(first=plans(), second=plans("again "))
def test_no_plan_whatever_loses_a_step_or_tells_a_failure_as_success(
    stage: Stage, first: list[Step], second: list[Step]
) -> None:
    assert_told_as_it_was(stage, first, second)


@pytest.mark.slow
@settings(max_examples=400, deadline=None)
@given(first=plans(), second=plans("again "))
def test_nor_do_a_thousand(stage: Stage, first: list[Step], second: list[Step]) -> None:
    assert_told_as_it_was(stage, first, second)


def assert_told_as_it_was(stage: Stage, first: list[Step], second: list[Step]) -> None:
    cast = Cast()
    state = virtual_time.run(stage.answered([first, second], worker=cast, helper=cast))
    plan, steps, covered, draft = state["plan"], state["steps"], state["coverage"], state.get("draft")
    assert [one["step_id"] for one in steps] == [step["id"] for step in plan]
    assert len({step["id"] for step in plan}) == len(plan)
    assert [step["task"] for step in plan] in ([*tasks(first)], [*tasks(first), *tasks(second)])
    assert [step.get("status") for step in plan] == [one["status"] for one in steps]
    assert covered["planned"] == len(plan) == covered["done"] + len(covered["lacking"])
    done = {one["step_id"]: one for one in steps if one["status"] == "done"}
    for step, one in zip(plan, steps, strict=True):
        fate = step["task"].split()[0]
        if one["status"] == "done":
            assert fate in ("finds", "finds_late")
            assert step["agent"] != "nobody"
            assert set(step["depends_on"]) <= done.keys()
        else:
            assert one["error"] or fate == "knows_nothing"
    assert (draft is None) == (not done)
    assert draft or state["failure"]
    if draft and covered["lacking"]:
        assert f"{len(covered['lacking'])} of {len(plan)} steps have no result" in draft["reason"]
        assert all(task in draft["text"] for task in covered["lacking"])
    assert_waited(plan, cast)


def tasks(steps: list[Step]) -> list[str]:
    return [step["task"] for step in steps]


def assert_waited(plan: list[Step], cast: Cast) -> None:
    """No step began before what it depends on had ended; equal reading tasks were done once at a time."""
    for step in plan:
        if step["id"] in cast.began:
            for need in step["depends_on"]:
                assert cast.ended.get(need, 0.0) <= cast.began[step["id"]]


async def test_steps_that_do_not_depend_on_each_other_run_at_the_same_time(stage: Stage) -> None:
    all_begun = asyncio.Event()
    begun: list[str] = []

    async def waits_for_the_others(assignment: Assignment, config: RunnableConfig) -> Finding:
        begun.append(assignment["step"]["id"])
        if len(begun) == 4:
            all_begun.set()
        await all_begun.wait()
        return Finding("found")

    steps = [step("worker", str(number)) for number in range(4)]
    async with asyncio.timeout(10):
        state = await stage.answered([steps], worker=waits_for_the_others)
    assert [one["status"] for one in state["steps"]] == ["done"] * 4


def step(agent: str, name: str, *needs: str, task: str = "", instead_of: tuple[str, ...] = ()) -> Step:
    return Step(id=name, agent=agent, task=task or f"finds {name}", depends_on=[*needs], instead_of=[*instead_of])


def test_four_agents_of_one_second_take_one_second(stage: Stage) -> None:
    async def slow(assignment: Assignment, config: RunnableConfig) -> Finding:
        await asyncio.sleep(1.0)
        return Finding("found")

    async def timed() -> float:
        await stage.answered([[step("worker", str(number)) for number in range(4)]], worker=slow)
        return asyncio.get_running_loop().time()

    assert virtual_time.run(timed()) == pytest.approx(1.0, abs=0.01)


def test_equal_tasks_of_an_agent_that_only_reads_are_done_once(stage: Stage) -> None:
    cast = Cast()
    steps = [
        step("worker", "a", task="finds x"),
        step("worker", "b", task="finds x"),
        step("worker", "c", task="finds y"),
    ]
    state = virtual_time.run(stage.answered([steps], worker=cast))
    assert cast.began.keys() == {"a", "c"}
    assert [one["text"] for one in state["steps"]] == ["found: finds x", "found: finds x", "found: finds y"]


def test_equal_tasks_of_an_agent_that_may_change_something_are_each_done(stage: Stage) -> None:
    cast = Cast()
    steps = [step("helper", "a", task="finds x"), step("helper", "b", task="finds x")]
    virtual_time.run(stage.answered([steps], helper=cast))
    assert cast.began.keys() == {"a", "b"}


def test_steps_that_wait_for_each_other_end_labelled(stage: Stage) -> None:
    steps = [step("worker", "a", "b"), step("worker", "b", "a"), step("worker", "c")]
    state = virtual_time.run(stage.answered([steps], worker=Cast()))
    assert [one["status"] for one in state["steps"]] == ["skipped", "skipped", "done"]
    assert state["draft"]["reason"] == "2 of 3 steps have no result"


def test_a_changed_plan_makes_good_what_failed_before(stage: Stage) -> None:
    first = [step("worker", "a", task="fails a"), step("worker", "b")]
    second = [step("helper", "a", task="finds a elsewhere", instead_of=("a",))]
    cast = Cast()
    state = virtual_time.run(stage.answered([first, second], worker=cast, helper=cast))
    assert [one["id"] for one in state["plan"]] == ["a", "b", "a+2"]
    assert state["coverage"] == {"planned": 3, "done": 3, "lacking": []}
    assert state["draft"]["reason"] == ""


def test_what_coordinating_took_is_counted(stage: Stage) -> None:
    steps = [step("worker", str(number)) for number in range(3)]
    took = virtual_time.run(stage.answered([steps], worker=Cast()))["coordination"]
    assert took["by_step"].keys() == {"plan", "delegate", "gather", "compose"}
    assert (took["by_step"]["delegate"]["messages"], took["by_step"]["gather"]["messages"]) == (3, 3)
    assert took["messages"] == 0.5


@pytest.mark.parametrize(
    ("seconds", "warns_at", "high"), [(3.0, 0.5, True), (3.0, 0.9, False), (1.0, 0.5, False), (0.001, 0.0, False)]
)
def test_too_much_coordination_is_said(
    seconds: float, warns_at: float, high: bool, caplog: pytest.LogCaptureFixture
) -> None:
    worked: StepResult = {"status": "done", "seconds": seconds / 2 if high else 2.0}  # type: ignore[typeddict-item]
    worked["agent"], worked["tokens"], worked["messages"] = "worker", 30, 4
    planned = Effort(step="plan", seconds=seconds, tokens=10, messages=2)
    state = TeamState(messages=[], question="q", effort=[planned], steps=[worked])
    took = coordination(state, [], warns_at=warns_at)
    assert (took["high"], took["tokens"]) == (high, 0.25)
    assert ("coordination took" in caplog.text) == high


def conversation(messages: list[BaseMessage]) -> None:
    """Hold that each tool call has its one answer, at once after it."""
    for place, message in enumerate(messages):
        if isinstance(message, AIMessage) and message.tool_calls:
            asked = [call["id"] for call in message.tool_calls]
            told = messages[place + 1 : place + 1 + len(asked)]
            assert sorted(one.tool_call_id for one in told if isinstance(one, ToolMessage)) == sorted(map(str, asked))


TOOL_ENDS = ("finds", "fails", "breaks", "hangs")
turns = st.lists(st.lists(st.sampled_from((*TOOL_ENDS, "no_such_tool", "wrong_arguments")), max_size=3), max_size=5)


@settings(max_examples=40, deadline=None)
@given(turns)
def test_what_a_model_reads_of_its_own_calls_is_always_whole(rounds: list[list[str]]) -> None:
    read: list[list[BaseMessage]] = []
    left = [*rounds]

    def script(messages: list[BaseMessage]) -> AIMessage:
        read.append([*messages])
        names = left.pop(0) if left else []
        return AIMessage("done", tool_calls=[called(name, f"{len(read)}-{place}") for place, name in enumerate(names)])

    ran: list[str] = []

    async def act(fate: str) -> str:
        ran.append(fate)
        found: Finding = await ENDS[fate](fate)
        return found.text

    tool = StructuredTool.from_function(coroutine=act, name="act", description="Act.")
    row = AgentSpec(name="worker", purpose="Acts.", tools=(tool,), model_calls=4, tool_calls=5)
    policy = ToolPolicy(allowed={"worker": frozenset({"act"})})
    agent = GraphAgent(model_agent(row, ScriptedChatModel(script=script), [tool], policy, None), computes=True)
    result = virtual_time.run(worked(agent))
    assert result["status"] in {"abstained", "failed", "timed_out"}
    assert len(read) <= row.model_calls
    assert len(ran) <= row.tool_calls
    for messages in read:
        conversation(messages)


def test_old_results_are_left_out_once_the_conversation_is_long() -> None:
    read: list[list[BaseMessage]] = []

    def script(messages: list[BaseMessage]) -> AIMessage:
        read.append([*messages])
        calls = [called("finds", str(len(read)))] if len(read) < 6 else []
        return AIMessage("done", tool_calls=calls)

    async def act(fate: str) -> str:
        return f"{fate} " * 400

    tool = StructuredTool.from_function(coroutine=act, name="act", description="Act.")
    row = AgentSpec(name="worker", purpose="Acts.", tools=(tool,), context_tokens=1500)
    policy = ToolPolicy(allowed={"worker": frozenset({"act"})})
    virtual_time.run(worked(GraphAgent(model_agent(row, ScriptedChatModel(script=script), [tool], policy, None))))
    lengths = [len(one.text) for one in read[-1] if isinstance(one, ToolMessage)]
    assert len(lengths) == 5
    assert lengths[0] < 100 < lengths[-1]


def called(name: str, call_id: str) -> Any:
    if name == "no_such_tool":
        return {"name": "no_such_tool", "args": {}, "id": call_id}
    return {"name": "act", "args": {"fate": name} if name in TOOL_ENDS else {"what": 1}, "id": call_id}


async def worked(agent: Any) -> Any:
    graph = StateGraph(Worked, context_schema=Context)
    graph.add_node("agent", partial(work, agents={"worker": agent}, seconds=SECONDS))
    graph.add_edge(START, "agent")
    asked: Any = {"step": step("worker", "a"), "question": "q", "inputs": []}
    return (await graph.compile().ainvoke(asked, context=Context()))["results"][0]


class Worked(Assignment):
    results: Annotated[list[StepResult], operator.add]
