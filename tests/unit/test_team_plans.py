"""Whatever plan the team is given: no step is lost, no failure is told as success, every call has its answer."""

import asyncio
from collections.abc import Mapping

import pytest
from hypothesis import given
from langchain_core.runnables import RunnableConfig

from tests import virtual_time
from tests.conversations import whole
from tests.examples import examples
from tests.plans import SECONDS, Caller, Cast, Stage, plans, step
from tests.waiting import PATIENCE_S
from twintrack.app.assemble import make_parts
from twintrack.core.settings import Settings
from twintrack.graphs.resources import Resources
from twintrack.nodes.effort import TooMuch, coordination
from twintrack.nodes.state import Assignment, Effort, Step, StepResult, TeamState
from twintrack.nodes.work import Finding


@pytest.fixture(scope="module")
def resources() -> Resources:
    tree = Settings.model_validate(
        {
            "audit": {"keep": 0},
            "budgets": {"agent_seconds": SECONDS, "max_plan_steps": 8, "max_replans": 1},
            "team": {"replan_failures": 0},  # what one example brought is nothing to the next
        }
    )
    return make_parts(tree).resources


@pytest.fixture(scope="module")
def stage(resources: Resources) -> Stage:
    return Stage(resources)


@pytest.fixture(scope="module")
def caller() -> Caller:
    return Caller()


@examples(60)
@given(first=plans(), second=plans("again "))
def test_no_plan_whatever_loses_a_step_or_tells_a_failure_as_success(
    stage: Stage, caller: Caller, first: list[Step], second: list[Step]
) -> None:
    assert_told_as_it_was(stage, caller, first, second)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("quarter", range(4))
@examples(250, most=500)
@given(first=plans(), second=plans("again "))
def test_nor_do_a_thousand(stage: Stage, caller: Caller, quarter: int, first: list[Step], second: list[Step]) -> None:
    assert_told_as_it_was(stage, caller, first, second)


def assert_told_as_it_was(stage: Stage, caller: Caller, first: list[Step], second: list[Step]) -> None:
    cast, played = Cast(), Cast(caller)
    caller.conversations.clear()
    state = virtual_time.run(stage.answered([first, second], worker=cast, helper=cast, caller=played))
    assert all(whole(messages) for messages in caller.conversations)
    plan, steps, covered, draft = state["plan"], state["steps"], state["coverage"], state.get("draft")
    assert [one["step_id"] for one in steps] == [step["id"] for step in plan]
    assert len({step["id"] for step in plan}) == len(plan)
    assert [step["task"] for step in plan] in ([*tasks(first)], [*tasks(first), *tasks(second)])
    assert [step.get("status") for step in plan] == [one["status"] for one in steps]
    assert covered["planned"] == len(plan) == covered["done"] + len(covered["lacking"])
    done = {one["step_id"]: one for one in steps if one["status"] == "done"}
    for planned, one in zip(plan, steps, strict=True):
        fate = planned["task"].split()[0]
        if one["status"] == "done":
            assert fate in ("finds", "finds_late")
            assert planned["agent"] != "nobody"
            assert set(planned["depends_on"]) <= done.keys()
        else:
            assert one["error"] or fate == "knows_nothing"
    assert (draft is None) == (not done)
    assert draft or state["failure"]
    if draft and covered["lacking"]:
        assert f"{len(covered['lacking'])} of {len(plan)} steps have no result" in draft["reason"]
        assert all(task in draft["text"] for task in covered["lacking"])
    assert_waited(plan, {**cast.began, **played.began}, {**cast.ended, **played.ended})


def tasks(steps: list[Step]) -> list[str]:
    return [step["task"] for step in steps]


def assert_waited(plan: list[Step], began: Mapping[str, float], ended: Mapping[str, float]) -> None:
    """No step began before what it depends on had ended."""
    for one in plan:
        if one["id"] in began:
            assert all(ended.get(need, 0.0) <= began[one["id"]] for need in one["depends_on"])


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
    async with asyncio.timeout(PATIENCE_S):
        state = await stage.answered([steps], worker=waits_for_the_others)
    assert [one["status"] for one in state["steps"]] == ["done"] * 4


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
    assert took["by_step"].keys() == {"plan", "delegate", "gather", "compose", "verify"}
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
    took = coordination(state, [], TooMuch(seconds=warns_at))
    assert (took["high"], took["tokens"]) == (high, 0.25)
    assert ("coordination took" in caplog.text) == high
