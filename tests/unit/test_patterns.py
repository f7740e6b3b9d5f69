"""The patterns of working together, each as rows of the table: a supervisor, peers, teams within a team."""

import asyncio
import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, MessagesState, StateGraph

from tests import virtual_time
from tests.examples import examples
from twintrack.app.assemble import make_parts
from twintrack.app.testing import ScriptedChatModel
from twintrack.core.context import Context
from twintrack.core.errors import ModelUnavailable
from twintrack.core.settings import Settings
from twintrack.graphs import team
from twintrack.graphs.agent_row import AgentSpec
from twintrack.graphs.resources import Resources
from twintrack.nodes.plan import Planned, Planner
from twintrack.nodes.state import Assignment, HandOver, Step
from twintrack.nodes.turnstile import Turnstile
from twintrack.nodes.work import Finding

KEYS = ["steps", "coverage", "draft", "failure"]


def row(name: str, does: Any, **fields: Any) -> AgentSpec:
    """Return a row whose agent works by `does`, from the task to a finding."""

    async def agent(assignment: Assignment, config: RunnableConfig) -> Finding:
        found: Finding = await does(assignment["step"]["task"])
        return found

    return AgentSpec(name=name, purpose=f"Does {name}.", without_model=lambda *_: agent, **fields)


async def finds(task: str) -> Finding:
    return Finding(f"found {task}")


async def fails(task: str) -> Finding:
    raise ModelUnavailable("no model today")


def hands_to(to: str, found: str = "") -> Any:
    async def does(task: str) -> Finding:
        return Finding(found, hand_over=HandOver(to=to, task=task))

    return does


def planned(*steps: tuple[str, str]) -> Planner:
    async def planner(state: Any) -> Planned:
        if state.get("results"):
            return Planned([])
        return Planned(
            [Step(id=str(place), agent=name, task=task, depends_on=[]) for place, (name, task) in enumerate(steps)]
        )

    return planner


def resources(models: dict[str, Any] | None = None, **fields: Any) -> Resources:
    made = make_parts(
        Settings.model_validate({"audit": {"keep": 0}, "budgets": {"agent_seconds": 45.0}}), models=models
    ).resources
    return dataclasses.replace(made, **fields)


async def asked(
    made: Resources, rows: list[AgentSpec], planner: Planner | None = None, *, keys: list[str] = KEYS
) -> Any:
    graph = team.build(made, rows, planner=planner).compile()
    given_: Any = {"messages": [HumanMessage("q")], "question": "q"}
    return await graph.ainvoke(given_, {"recursion_limit": 60}, context=Context(), output_keys=keys)


async def test_pattern_1_a_supervisor_plans_for_all_and_gathers() -> None:
    rows = [row("east", finds), row("west", finds)]
    state = await asked(resources(), rows, planned(("east", "the mill"), ("west", "the mine")))
    assert state["draft"]["text"] == "found the mill\nfound the mine"
    assert state["coverage"] == {"planned": 2, "done": 2, "lacking": []}


def crew(*members: AgentSpec, **fields: Any) -> AgentSpec:
    return AgentSpec(name="crew", purpose="Works together.", members=members, pattern="peers", **fields)


async def test_pattern_2_peers_hand_over_to_each_other_and_what_each_found_is_kept() -> None:
    peers = crew(row("front", hands_to("back", "found the door")), row("back", finds))
    state = await asked(resources(), [peers], planned(("crew", "the house")))
    assert state["draft"]["text"] == "found the door\nfound the house"
    assert [line["role"] for line in state["steps"][0]["transcript"]] == ["front", "back"]


@pytest.mark.parametrize(
    ("to", "why"), [("front", "handed round in a circle"), ("nobody", "to nobody"), ("back", "to nobody")]
)
async def test_a_hand_over_that_leads_nowhere_ends_labelled(to: str, why: str) -> None:
    peers = crew(row("front", hands_to("back", "found the door")), row("back", hands_to(to)))
    state = await asked(resources(), [peers], planned(("crew", "the house")))
    assert "found the door" in state["draft"]["text"]
    assert "Not answered: the house" in state["draft"]["text"]
    assert "steps have no result" in state["draft"]["reason"]
    assert why in state["steps"][0]["transcript"][-1]["text"]


async def test_a_peer_that_fails_ends_the_chain_and_what_was_found_before_it_is_kept() -> None:
    peers = crew(row("front", hands_to("back", "found the door")), row("back", fails))
    state = await asked(resources(), [peers], planned(("crew", "the house")))
    assert "found the door" in state["draft"]["text"]
    assert "steps have no result" in state["draft"]["reason"]


async def test_peers_that_only_hand_over_have_no_answer() -> None:
    peers = crew(row("front", hands_to("back")), row("back", hands_to("front")))
    state = await asked(resources(), [peers], planned(("crew", "the house")))
    assert state["draft"] is None
    assert "handed round in a circle" in state["failure"]


@examples(60)
@given(st.lists(st.tuples(st.sampled_from("abcx"), st.sampled_from("123")), min_size=1, max_size=30), st.integers(0, 8))
def test_hand_overs_whatever_they_are_come_to_an_end(wishes: list[tuple[str, str]], max_hops: int) -> None:
    left = [*wishes]
    turns: list[str] = []

    async def does(task: str) -> Finding:
        turns.append(task)
        if not left:
            return Finding("found")
        to, what = left.pop(0)
        return Finding("", hand_over=HandOver(to=to, task=what))

    peers = crew(*(row(name, does) for name in "abc"), max_hops=max_hops)
    state = virtual_time.run(asked(resources(), [peers], planned(("crew", "start"))))
    assert len(turns) <= max_hops + 1
    assert (state["draft"] is not None) == (len(turns) == len(wishes) + 1)


def sells_and_mends(messages: list[BaseMessage]) -> AIMessage:
    """Play a seller who hands over, and a colleague who counts the screws."""
    if "You sell" in messages[0].text:
        call = {"name": "hand_over", "args": {"to": "repair", "task": "Mend the lamp"}, "id": "h1"}
        return AIMessage("", tool_calls=[call])
    if isinstance(messages[-1], ToolMessage):
        return AIMessage(f"The lamp needs {messages[-1].text} screws.")
    return AIMessage("", tool_calls=[{"name": "calculate", "args": {"expression": "2 + 3"}, "id": "c1"}])


async def test_peers_played_by_models_hand_over_with_a_tool_and_leave_no_call_unanswered() -> None:
    prompts: list[list[BaseMessage]] = []

    def script(messages: list[BaseMessage]) -> AIMessage:
        prompts.append([*messages])
        return sells_and_mends(messages)

    made = resources({"agent": ScriptedChatModel(script=script)})
    peers = crew(
        AgentSpec(name="sales", purpose="Sells.", prompt="You sell."),
        AgentSpec(name="repair", purpose="Mends.", prompt="You mend.", tools=("calculate",), computes=True),
    )
    state = await asked(made, [peers], planned(("crew", "My lamp is broken")))
    await made.sandbox.aclose()
    assert state["draft"]["text"] == "The lamp needs 5 screws."
    assert "- repair: Mends." in prompts[0][0].text
    assert prompts[1][-1].text.startswith("Mend the lamp")
    assert not any(isinstance(one, ToolMessage) and one.name == "hand_over" for one in prompts[1])


async def test_pattern_3_a_teams_failure_stays_inside_it_and_is_told_outside() -> None:
    broken = AgentSpec(name="archive", purpose="Looks up.", members=(row("clerk", fails), row("porter", fails)))
    state = await asked(
        resources(), [broken, row("east", finds)], planned(("archive", "the deed"), ("east", "the mill"))
    )
    assert [(step["agent"], step["status"]) for step in state["steps"]] == [("archive", "failed"), ("east", "done")]
    assert "no model today" in state["steps"][0]["error"]
    assert state["draft"]["reason"] == "1 of 2 steps have no result"


async def test_a_team_that_did_half_its_work_is_not_told_as_whole() -> None:
    async def half(task: str) -> Finding:
        return Finding(f"found {task}", lacks="1 of 2 steps have no result")

    state = await asked(resources(), [row("archive", half)], planned(("archive", "the deed")))
    assert state["coverage"]["done"] == 1
    assert state["draft"]["reason"] == "archive: 1 of 2 steps have no result"


def test_who_has_priority_goes_first_and_no_more_begin_in_a_minute_than_may() -> None:
    async def crowd() -> tuple[list[str], float]:
        gate, order = Turnstile(at_once=1, per_minute=4), []

        async def enter(name: str, priority: int) -> None:
            async with gate.entered(priority):
                order.append(name)
                await asyncio.sleep(1)

        await asyncio.gather(
            *(enter(name, place) for name, place in (("a", 0), ("b", 0), ("c", 5), ("d", 1), ("e", 0)))
        )
        return order, asyncio.get_running_loop().time()

    order, took = virtual_time.run(crowd())
    assert order == ["a", "c", "d", "b", "e"]
    assert took == pytest.approx(61, abs=1)


def test_who_gives_up_waiting_leaves_no_place_taken() -> None:
    async def impatient() -> int:
        gate = Turnstile(at_once=1)
        async with gate.entered():
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1), gate.entered():
                    pass
        async with asyncio.timeout(1), gate.entered():
            return len(gate._waiting)

    assert virtual_time.run(impatient()) == 0


async def test_any_compiled_graph_can_be_a_member() -> None:
    async def reply(state: MessagesState) -> dict[str, Any]:
        return {"messages": [ToolMessage("7", tool_call_id="x"), AIMessage(f"{state['messages'][-1].text} is 7")]}

    def graph(_: Any) -> Any:
        builder = StateGraph(MessagesState, context_schema=Context)
        builder.add_node("reply", reply)
        builder.add_edge(START, "reply")
        builder.add_edge("reply", END)
        return builder.compile()

    outside = AgentSpec(name="outside", purpose="Another graph.", graph=graph, computes=True)
    state = await asked(resources(), [outside], planned(("outside", "x")))
    assert state["draft"]["text"] == "x is 7"
