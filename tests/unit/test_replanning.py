"""Changing plans rests where it keeps bringing nothing, and is tried again after a while."""

from typing import Any

import pytest

from tests import virtual_time
from tests.plans import Cast, Stage, step
from tests.unit.test_team_steps import result
from twintrack.app.assemble import make_parts
from twintrack.core.breaker import LocalBreaker
from twintrack.core.settings import Settings
from twintrack.guardrails.budget import Limits, SpendMeter
from twintrack.nodes.gather import gather
from twintrack.nodes.plan import Planned, plan
from twintrack.nodes.replanning import RESTS, noting, resting
from twintrack.nodes.state import TeamState

FIRST = [step("worker", "a", task="fails a"), step("worker", "b")]
IN_VAIN = [step("helper", "a", task="knows_nothing a", instead_of=("a",))]
MENDS = [step("helper", "a", task="finds a", instead_of=("a",))]


def stage_of(**team: Any) -> Stage:
    tree = Settings.model_validate({"audit": {"keep": 0}, "team": {"replan_failures": 2, **team}})
    return Stage(make_parts(tree).resources)


def runs(stage: Stage, changed: list[Any]) -> tuple[bool, str, str]:
    """Return whether the plan was changed, what the answer lacks, and its label."""
    state = virtual_time.run(stage.answered([FIRST, changed], worker=Cast(), helper=Cast()))
    return not stage.rounds, state["draft"]["reason"], state.get("degraded", "")


def test_after_changed_plans_in_a_row_that_brought_nothing_no_plan_is_changed_and_the_answer_says_so() -> None:
    stage = stage_of()
    assert [runs(stage, IN_VAIN) for _ in range(2)] == [(True, "2 of 3 steps have no result", "")] * 2
    assert runs(stage, MENDS) == (False, "1 of 2 steps have no result", RESTS)


@pytest.mark.parametrize("nothing", [IN_VAIN, []])
def test_one_that_found_something_begins_the_count_again(nothing: list[Any]) -> None:
    stage = stage_of()
    assert [runs(stage, changed)[0] for changed in (nothing, MENDS, nothing, MENDS, nothing, nothing, MENDS)] == [
        *[True] * 6,
        False,
    ]


def test_after_its_rest_one_is_tried_and_if_it_finds_something_plans_are_changed_again() -> None:
    stage = stage_of(replan_rest_s=0)
    assert [runs(stage, changed)[0] for changed in (IN_VAIN, IN_VAIN, IN_VAIN, MENDS, IN_VAIN)] == [True] * 5


def test_at_0_plans_are_changed_always() -> None:
    stage = stage_of(replan_failures=0)
    assert all(runs(stage, IN_VAIN)[0] for _ in range(8))


@pytest.mark.parametrize(("stopped", "counts"), [(False, "open"), (True, "closed")])
async def test_a_run_that_came_to_a_limit_says_nothing_of_the_plan(stopped: bool, counts: str) -> None:
    breaker, meter = LocalBreaker(failures=1), SpendMeter(Limits())
    if stopped:
        meter.stop("This run reached its limit of 3 model calls.")
    steps, results = [step("worker", "a"), step("helper", "b")], [result("a", "failed"), result("b", "failed")]
    team = TeamState(messages=[], question="q", plan=steps, results=results, replans=1, changed_from=1)
    await noting(gather, breaker)(team, {"callbacks": [meter]})
    assert breaker.state == counts


async def test_a_plan_that_was_left_as_it_is_is_no_further_failure() -> None:
    async def mends(_: TeamState) -> Planned:
        return Planned(MENDS)

    breaker = LocalBreaker(failures=1)
    breaker.failed()
    team = TeamState(messages=[], question="q", plan=FIRST, results=[result("a", "failed")], replans=0)
    update = await plan(team, planner=resting(mends, breaker), limit=8)
    assert (update["plan"], update["changed_from"]) == (FIRST, None)
