"""Runs that go in circles are stopped; runs that get on are not."""

from itertools import count, cycle
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import StructuredTool, tool

from twintrack.app.testing import ScriptedChatModel
from twintrack.core.errors import BudgetExceeded
from twintrack.core.passages import Passage
from twintrack.graphs.finish import Finish
from twintrack.guardrails.accounts import Limits, task_of
from twintrack.guardrails.budget import SpendMeter
from twintrack.guardrails.loops import LoopLimits, Loops
from twintrack.nodes.tools import mark


def made(loops: Loops, branch: Any, name: str, arguments: Any, result: Any) -> str:
    why = loops.refusal(branch, name, arguments)
    if not why:
        loops.came_back(branch, name, arguments, result)
    return why


def test_the_same_call_with_the_same_result_is_refused_after_its_last_time() -> None:
    loops = Loops()
    said = [made(loops, "a", "search", "x", "nothing") for _ in range(4)]
    assert said == ["", "", "", "search was called 3 times with the same arguments and gave the same result."]


def test_equal_calls_on_parallel_branches_count_together() -> None:
    loops = Loops()
    assert [bool(loops.refusal(branch, "search", "x")) for branch in range(5)] == [False, False, False, True, True]


def test_two_calls_that_take_turns_are_stopped() -> None:
    loops = Loops()
    said = [made(loops, "a", name, 1, name) for name in "ababa"]
    assert [bool(one) for one in said] == [False, False, False, False, True]
    assert "took turns 2 times" in said[-1]


def test_two_agents_that_take_turns_are_stopped_although_neither_repeats_itself_often() -> None:
    loops = Loops(LoopLimits(repeats=10))
    turns = [("ann", "ask"), ("bob", "reply")] * 2 + [("ann", "ask")]
    assert [bool(made(loops, branch, name, 1, name)) for branch, name in turns] == [False] * 4 + [True]


def test_results_that_never_change_end_a_branch_and_not_the_others() -> None:
    loops = Loops()
    said = [made(loops, "a", "search", number, "Nothing found.") for number in range(7)]
    assert [bool(one) for one in said] == [False] * 6 + [True]
    assert not made(loops, "b", "search", "other", "found")


def test_who_polls_until_something_happens_makes_progress() -> None:
    loops = Loops()
    assert not any(made(loops, "a", "status", 1, minute) for minute in range(30))


@given(st.lists(st.integers(0, 3), max_size=60))
def test_calls_that_each_bring_something_new_are_never_refused(branches: list[int]) -> None:
    loops, fresh = Loops(), count()
    assert not any(
        made(loops, branch, "search", number, number) for branch, number in zip(branches, fresh, strict=False)
    )


@given(st.lists(st.integers(0, 9), min_size=1, max_size=8), st.integers(1, 4))
def test_every_circle_is_left(circle: list[int], repeats: int) -> None:
    loops = Loops(LoopLimits(repeats=repeats))
    for step, name in enumerate(cycle(circle)):
        if made(loops, "a", str(name), name, name):
            break
        assert step <= len(circle) * repeats


async def test_an_agent_that_repeats_itself_is_refused_by_the_meter_of_the_run() -> None:
    @tool
    async def look(place: str) -> str:
        """Look there."""
        return f"nothing at {place}"

    meter = SpendMeter(Limits(), loops=LoopLimits(repeats=2))
    for agent in ("one", "two"):
        with task_of(meter.account, agent, Limits(), max_depth=3):
            await look.ainvoke({"place": "here"}, {"callbacks": [meter]})
    with pytest.raises(BudgetExceeded, match="look was called 2 times"):
        await look.ainvoke({"place": "here"}, {"callbacks": [meter]})
    assert meter.stopped.startswith("look was called 2 times")
    assert await look.ainvoke({"place": "there"}, {"callbacks": [meter]}) == "nothing at there"


def passage() -> Passage:
    text = "The tower is old. The tower is 41 metres tall. Ships come in spring."
    return cast(Passage, {"id": "p1", "title": "Harbour", "source": "harbour.txt", "text": text, "start": 0})


async def test_an_agent_out_of_budget_ends_with_the_best_of_what_it_found() -> None:
    async def find(query: str) -> tuple[str, list[Passage]]:
        return f"found {query}", [passage()]

    search = StructuredTool.from_function(
        coroutine=find, name="find", description="Find.", response_format="content_and_artifact"
    )
    asks = AIMessage("", tool_calls=[{"name": "find", "args": {"query": "tower"}, "id": "1"}])
    model = ScriptedChatModel(script=lambda _: asks)
    agent: Any = create_agent(model, [search], middleware=[Finish()])
    meter = SpendMeter(Limits(model_calls=2, tool_calls=1))
    state = await agent.ainvoke({"messages": [HumanMessage("How tall is the tower?")]}, {"callbacks": [meter]})
    assert state["messages"][-1].text == f"The tower is 41 metres tall. [{mark(passage())}]"
    refused = [one for one in state["messages"] if isinstance(one, ToolMessage) and one.status == "error"]
    assert "1 tool calls" in refused[0].text
    assert "1 tool calls" in meter.stopped


async def test_an_agent_that_found_nothing_fails_with_the_reason() -> None:
    agent: Any = create_agent(ScriptedChatModel(script=["hello"]), [], middleware=[Finish()])
    with pytest.raises(BudgetExceeded, match="0 model calls"):
        await agent.ainvoke({"messages": [HumanMessage("hi")]}, {"callbacks": [SpendMeter(Limits(model_calls=0))]})
