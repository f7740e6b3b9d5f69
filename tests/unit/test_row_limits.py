"""Every limit of a row holds whatever the row is: an agent by a model or by rules, a graph, a team, or peers."""

import asyncio
import dataclasses
import itertools
from collections.abc import Callable
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, StructuredTool

from tests import virtual_time
from twintrack.app.assemble import make_parts
from twintrack.app.testing import ScriptedChatModel
from twintrack.core.context import Context
from twintrack.core.errors import SettingsError, Unavailable
from twintrack.core.prices import Price
from twintrack.core.settings import Settings
from twintrack.graphs import team
from twintrack.graphs.agent_row import AgentSpec
from twintrack.graphs.agents import table
from twintrack.graphs.resources import Resources
from twintrack.guardrails.accounts import Limits
from twintrack.guardrails.budget import SpendMeter
from twintrack.guardrails.tools import ToolAnnotations
from twintrack.nodes.plan import Planned
from twintrack.nodes.state import Assignment, Step
from twintrack.nodes.work import Finding

CALL = {"input_tokens": 90, "output_tokens": 10, "total_tokens": 100}
SECONDS = 10.0
PRICES = {"scriptedchatmodel:": Price(read=10_000, written=10_000)}


class World:
    """A model that asks for the same tool for ever, and counts of what was called."""

    def __init__(self, model_seconds: float = 0.0) -> None:
        self.looks = 0
        self.keys = itertools.count()
        self.inside = self.most_inside = 0
        self.model = ScriptedChatModel(script=self._say, seconds=model_seconds)
        self.look: BaseTool = StructuredTool.from_function(coroutine=self._look, name="look", description="Look.")

    @property
    def asked(self) -> int:
        return len(self.model.prompts)

    def _say(self, _: list[BaseMessage]) -> AIMessage:
        key = str(next(self.keys))
        call = {"name": "look", "args": {"key": key}, "id": key}
        return AIMessage(f"Found value {key}.", tool_calls=[call], usage_metadata=CALL)

    async def _look(self, key: str) -> str:
        self.looks += 1
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        await asyncio.sleep(SECONDS)
        self.inside -= 1
        return f"value {key}"

    def by_model(self, **fields: Any) -> AgentSpec:
        return AgentSpec(name="clerk", purpose="Looks.", tools=(self.look,), computes=True, **fields)

    def by_rules(self, **fields: Any) -> AgentSpec:
        async def looks(at_hand: Any, config: RunnableConfig) -> Finding:
            for key in range(10):
                await at_hand["look"]({"key": str(key)}, config)
            return Finding("found all")

        def agent(_: Any, at_hand: Any) -> Any:
            async def works(assignment: Assignment, config: RunnableConfig) -> Finding:
                return await looks(at_hand, config)

            return works

        row = AgentSpec(name="clerk", purpose="Looks.", tools=(self.look,), role="judge", without_model=agent)
        return dataclasses.replace(row, **fields)

    def by_graph(self, **fields: Any) -> AgentSpec:
        made = lambda _: create_agent(self.model, [self.look])  # noqa: E731
        return AgentSpec(name="clerk", purpose="Looks.", graph=made, computes=True, **fields)

    def by_team(self, **fields: Any) -> AgentSpec:
        return AgentSpec(name="team", purpose="Looks.", members=(self.by_model(),), **fields)

    def by_peers(self, **fields: Any) -> AgentSpec:
        return AgentSpec(name="team", purpose="Looks.", members=(self.by_model(),), pattern="peers", **fields)


def opened(world: World, **settings: Any) -> Resources:
    tree = Settings.model_validate(
        {"audit": {"keep": 0}, "budgets": {"agent_seconds": 1000.0, "max_seconds": 9000.0}, **settings}
    )
    return dataclasses.replace(make_parts(tree, models={"agent": world.model}).resources, rates=None)


def work(made: Resources, *rows: AgentSpec, tasks: int = 1, meter: SpendMeter | None = None) -> Any:
    """Return the steps of a plan that gives each row so many tasks, and the virtual time they took."""

    async def planner(state: Any) -> Planned:
        if state.get("results"):
            return Planned([])
        given = [(row.name, number) for number in range(tasks) for row in rows]
        return Planned([Step(id=f"{name}{one}", agent=name, task=f"t{one}", depends_on=[]) for name, one in given])

    async def timed() -> tuple[Any, float]:
        graph = team.build(made, rows, planner=planner).compile()
        asked: Any = {"messages": [HumanMessage("q")], "question": "q"}
        config: RunnableConfig = {"recursion_limit": 90, "callbacks": [meter] if meter else []}
        state = await graph.ainvoke(asked, config, context=Context(), output_keys=["steps", "coordination"])
        return state["steps"], asyncio.get_running_loop().time()

    return virtual_time.run(timed())


Kind = Callable[..., AgentSpec]
MODELLED = [World.by_model, World.by_graph, World.by_team, World.by_peers]
ALL = [*MODELLED, World.by_rules]


@pytest.mark.parametrize("kind", MODELLED)
@pytest.mark.parametrize("metered", [True, False], ids=["metered", "alone"])
def test_a_rows_model_calls_hold(kind: Kind, metered: bool) -> None:
    world = World()
    work(opened(world), kind(world, model_calls=3), meter=SpendMeter(Limits()) if metered else None)
    assert world.asked == 3


@pytest.mark.parametrize("kind", ALL)
def test_a_rows_tool_calls_hold(kind: Kind) -> None:
    world = World()
    work(opened(world), kind(world, tool_calls=4))
    assert world.looks == 4


def test_an_agent_that_was_cut_short_by_its_own_limit_says_so() -> None:
    world = World()
    [step], _ = work(opened(world), world.by_model(tool_calls=2))
    assert step["degraded"] == "clerk reached its limit of 2 tool calls; clerk reached its limit of 10 model calls"


def test_a_tool_is_tried_again_and_its_result_cut_as_the_settings_say() -> None:
    world, tries = World(), list[str]()

    async def look(key: str) -> str:
        tries.append(key)
        if len(tries) < 3:
            raise Unavailable("gone for now", fix="wait")
        return "word " * 1000

    world.look = StructuredTool.from_function(coroutine=look, name="look", description="Look.")
    numbers = {"result_chars": 100, "tool_wait_first_s": 200.0, "tool_wait_most_s": 200.0}
    made = dataclasses.replace(opened(world, team=numbers), annotations={"look": ToolAnnotations(read_only=True)})
    _, took = work(made, world.by_model(model_calls=2))
    shown = [message for message in world.model.prompts[-1] if message.type == "tool"]
    assert "[cut: 100 of 5000 characters are shown]" in shown[0].text
    assert 300 <= took <= 500


@pytest.mark.parametrize("kind", MODELLED)
def test_a_rows_tokens_hold_but_for_the_call_that_passes_them(kind: Kind) -> None:
    world = World()
    work(opened(world), kind(world, tokens=350))
    assert 200 <= 100 * world.asked <= 400


@pytest.mark.parametrize("kind", MODELLED)
def test_a_rows_money_holds_but_for_the_call_that_passes_it(kind: Kind) -> None:
    world = World()
    work(opened(world), kind(world, cost=3.5), meter=SpendMeter(Limits(), prices=PRICES))
    assert 2 <= world.asked <= 4


@pytest.mark.parametrize("kind", ALL)
def test_a_rows_seconds_hold_below_the_setting(kind: Kind) -> None:
    world = World()
    steps, took = work(opened(world), kind(world, seconds=25.0))
    assert (steps[0]["status"], took) == ("timed_out", 25.0)


@pytest.mark.parametrize("kind", ALL)
def test_and_above_it(kind: Kind) -> None:
    world = World()
    made = opened(world, budgets={"agent_seconds": 15.0, "max_seconds": 9000.0})
    _, took = work(made, kind(world, seconds=45.0))
    # A member of the team is an agent of its own, whose time is the setting's.
    assert took == (15.0 if kind in (World.by_team, World.by_peers) else 45.0)


@pytest.mark.parametrize("kind", ALL)
def test_a_row_works_on_no_more_tasks_at_once_than_it_may(kind: Kind) -> None:
    world = World()
    work(opened(world), kind(world, at_once=2, tool_calls=1), tasks=5)
    assert world.most_inside == 2


@pytest.mark.parametrize("kind", ALL)
def test_a_row_begins_no_more_tasks_in_a_minute_than_it_may(kind: Kind) -> None:
    world = World()
    _, took = work(opened(world), kind(world, per_minute=2, tool_calls=1), tasks=5)
    assert took == 120.0 + SECONDS


def test_the_settings_give_a_row_its_numbers_by_name_and_a_stranger_is_an_error() -> None:
    world = World()
    crew = dataclasses.replace(world.by_team(tokens=5), name="crew")
    given = {"crew": {"priority": 3}, "clerk": {"seconds": 7}}
    made = dataclasses.replace(opened(world, team={"agents": given}), agents=(crew,))
    row = table(made)[0]
    assert (row.tokens, row.priority, row.members[0].seconds) == (5, 3, 7)
    with pytest.raises(SettingsError, match="no agent 'clark'"):
        table(dataclasses.replace(opened(world, team={"agents": {"clark": {}}}), agents=(crew,)))


def worker(name: str, began: list[str], **fields: Any) -> AgentSpec:
    async def works(assignment: Assignment, config: RunnableConfig) -> Finding:
        began.append(name)
        await asyncio.sleep(1)
        return Finding(f"{name} found it")

    return AgentSpec(name=name, purpose=f"Does {name}.", role="judge", without_model=lambda *_: works, **fields)


def test_where_a_teams_tasks_wait_for_a_place_the_higher_priority_goes_first() -> None:
    began: list[str] = []
    rows = [worker("a", began), worker("b", began), worker("c", began, priority=5), worker("d", began, priority=1)]
    _, took = work(opened(World(), team={"at_once": 1}), *rows)
    assert (began, took) == (["a", "c", "d", "b"], 4.0)


def test_priorities_come_from_the_settings_and_hold_inside_a_team_too() -> None:
    began: list[str] = []
    steps = [{"id": name, "agent": name, "task": name, "depends_on": []} for name in "abc"]
    plan = AIMessage("", tool_calls=[{"name": "Plan", "args": {"steps": steps}, "id": "plan"}])
    planning = ScriptedChatModel(script=lambda _: plan)
    tree = Settings.model_validate({"audit": {"keep": 0}, "team": {"agents": {"c": {"priority": 1}}}})
    members = tuple(worker(name, began) for name in "abc")
    crew = AgentSpec(name="crew", purpose="All.", members=members, members_at_once=1)
    made = dataclasses.replace(make_parts(tree, models={"planner": planning}).resources, agents=(crew,))
    work(made, *table(made))
    assert began == ["a", "c", "b"]
