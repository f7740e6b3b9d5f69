"""What a person decides about a step, however it is put."""

from collections.abc import Collection
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command

from tests.examples import examples
from tests.unit.test_team_steps import result, state, step
from twintrack.nodes.ask_first import CANNOT_WAIT, Asking
from twintrack.nodes.compose import compose
from twintrack.nodes.delegate import delegate, ready
from twintrack.nodes.gather import gathered
from twintrack.nodes.state import StepResult, TeamState

PLAN = [step("a", agent="payer"), step("b", agent="payer"), step("c")]


AT: Any = {"configurable": {"thread_id": "t"}}


def asking(saver: InMemorySaver | None, approve: Collection[str]) -> Any:
    """Return the part of the team that asks, as a process with these settings has it."""
    graph: Any = StateGraph(TeamState)
    graph.add_node("delegate", partial(delegate, approve=approve))
    graph.add_node("ask", Asking().about)
    graph.add_edge(START, "delegate")
    graph.add_conditional_edges("delegate", lambda team: ready()(team) == "ask", {True: "ask", False: END})
    graph.add_edge("ask", "delegate")
    return graph.compile(checkpointer=saver)


async def resumed(answer: Any, *, later: Collection[str] = ("payer",)) -> Any:
    """Ask about the payer's steps, and go on in a process whose settings name the `later` agents."""
    saver = InMemorySaver()
    await asking(saver, {"payer"}).ainvoke(state(PLAN, []), AT)
    return await asking(saver, later).ainvoke(Command(resume=answer), AT)


async def decided(*decisions: Any) -> tuple[dict[str, str], dict[str, str]]:
    """Return the plan's tasks, and why steps were skipped."""
    team = await resumed({"decisions": list(decisions)})
    return {s["id"]: s["task"] for s in team["plan"]}, {r["step_id"]: r["error"] for r in team["results"]}


async def test_an_approved_step_runs_and_an_edited_one_runs_as_edited() -> None:
    edit = {"type": "edit", "edited_action": {"name": "payer", "args": {"task": "pay less"}}}
    tasks, skipped = await decided({"type": "approve"}, edit)
    assert tasks == {"a": "task a", "b": "pay less", "c": "task c"}
    assert skipped == {}


@pytest.mark.parametrize(
    "decision",
    [
        {"foo": 1},
        {"type": "edit"},
        {"type": "edit", "edited_action": None},
        {"type": "edit", "edited_action": {"args": {"task": "  "}}},
        {"type": "Approve"},
        "approve",
        7,
    ],
)
async def test_what_is_not_clearly_an_approval_is_a_rejection(decision: Any) -> None:
    _, skipped = await decided({"type": "approve"}, decision)
    assert skipped == {"b": "not approved: the decision was not understood"}


async def test_too_few_decisions_reject_the_rest_and_too_many_are_ignored() -> None:
    assert (await decided({"type": "approve"}))[1] == {"b": "not approved: no decision was given"}
    approve = {"type": "approve"}
    assert (await decided(approve, approve, approve, approve))[1] == {}


async def test_settings_that_ask_less_by_now_leave_the_answer_to_decide() -> None:
    team = await resumed({"decisions": [{"type": "approve"}, {"type": "reject"}]}, later=())
    assert {r["step_id"]: r["error"] for r in team["results"]} == {"b": "not approved"}


async def test_settings_that_ask_more_by_now_ask_again_and_move_no_decision_to_another_step() -> None:
    team = await resumed({"decisions": [{"type": "approve"}, {"type": "reject"}]}, later=("payer", "researcher"))
    assert [r["step_id"] for r in team["results"]] == ["b"]
    assert [one["name"] for one in team["__interrupt__"][0].value["action_requests"]] == ["researcher"]


async def test_a_run_that_cannot_wait_lets_nobody_go_unasked_and_says_so() -> None:
    team = await asking(None, {"payer"}).ainvoke(state(PLAN, []), {"recursion_limit": 20})
    assert {r["step_id"]: r["error"] for r in team["results"]} == dict.fromkeys("ab", f"not approved: {CANNOT_WAIT}")


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.sampled_from(["approve", "edit", "reject", "task"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "decisions", "edited_action", "args", "task"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@examples(40)
@given(values)
async def test_no_decision_whatever_breaks_the_turn_or_lets_a_step_run_unasked(answer: Any) -> None:
    team = await resumed({"decisions": answer})
    if not isinstance(answer, list):
        assert {r["step_id"] for r in team["results"]} == {"a", "b"}


def refused(name: str) -> StepResult:
    return StepResult(**{**result(name, "skipped", text=" "), "error": "not approved"})


async def test_a_team_whose_steps_were_all_rejected_says_so_instead_of_failing() -> None:
    update = await compose(state([], [refused("a"), refused("b")]), model=None)
    assert update["draft"]["status"] == "abstained"
    assert update["draft"]["text"] == "Not done, because it was not approved: task a; task b"
    assert update["failure"] == ""


async def test_a_rejected_step_is_named_beside_the_answer_and_apart_from_one_that_broke() -> None:
    update = await compose(state([], [result("a"), refused("b"), result("c", "failed")]), model=None)
    assert "not approved: task b" in update["draft"]["text"]
    assert "Not answered: task c" in update["draft"]["text"]


def test_a_rejected_step_is_not_planned_again() -> None:
    team = TeamState(messages=[], question="q", plan=[step("a")], steps=[refused("a")], replans=0)
    assert gathered(1, can_replan=True)(team) == "compose"
