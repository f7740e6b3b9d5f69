"""The team's steps, without a graph: who may run, what is skipped, how results become one answer."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from twintrack.core.passages import Citation
from twintrack.nodes.compose import compose, joined
from twintrack.nodes.delegate import delegate, ready
from twintrack.nodes.gather import gather, gathered
from twintrack.nodes.state import Step, StepResult, TeamState


def step(name: str, *needs: str, agent: str = "researcher") -> Step:
    return Step(id=name, agent=agent, task=f"task {name}", depends_on=list(needs))


def result(name: str, status: Any = "done", text: str = "", citations: list[Citation] | None = None) -> StepResult:
    return StepResult(
        step_id=name,
        agent="researcher",
        task=f"task {name}",
        status=status,
        text=text or f"found {name}",
        citations=citations or [],
        error="" if status == "done" else "broke",
        seconds=0.1,
    )


def citation(marker: int, passage: str, start: int = 0) -> Citation:
    return Citation(
        marker=marker, passage_id=passage, document_id="d", title="t", source="s", start=start, end=start + 1, quote="q"
    )


def state(plan: list[Step], results: list[StepResult]) -> TeamState:
    return TeamState(messages=[], question="q", plan=plan, results=results, steps=results)


def sent(team: TeamState) -> list[str]:
    going = ready()(team)
    return [] if isinstance(going, str) else [send.arg["step"]["id"] for send in going]


def test_independent_steps_go_out_together() -> None:
    assert sent(state([step("a"), step("b"), step("c", "a")], [])) == ["a", "b"]


def test_a_step_waits_for_what_it_depends_on() -> None:
    assert sent(state([step("a"), step("c", "a")], [result("a")])) == ["c"]


async def test_a_step_whose_input_failed_is_skipped_and_so_is_what_follows() -> None:
    team = state([step("a"), step("b", "a"), step("c", "b")], [result("a", "failed")])
    update = await delegate(team, approve=())
    assert [(r["step_id"], r["status"]) for r in update["results"]] == [("b", "skipped"), ("c", "skipped")]


plans = st.integers(1, 7).flatmap(
    lambda size: st.tuples(
        *[st.sets(st.integers(0, place - 1)) if place else st.just(set[int]()) for place in range(size)]
    )
)


@given(plans, st.data())
async def test_every_step_of_any_plan_ends_with_exactly_one_result(needs: tuple[set[int], ...], data: Any) -> None:
    plan = [step(str(place), *map(str, sorted(of))) for place, of in enumerate(needs)]
    results: list[StepResult] = []
    for _ in range(len(plan) + 2):
        results = [*results, *(await delegate(state(plan, results), approve=()))["results"]]
        going = sent(state(plan, results))
        statuses = st.sampled_from(["done", "failed", "timed_out", "abstained"])
        results = [*results, *[result(name, data.draw(statuses)) for name in going]]
        steps = (await gather(state(plan, results)))["steps"]
        if gathered(0, can_replan=False)(TeamState(messages=[], question="q", plan=plan, steps=steps)) == "compose":
            break
    assert sorted(r["step_id"] for r in results) == sorted(s["id"] for s in plan)
    answered = await compose(TeamState(messages=[], question="q", steps=steps), model=None)
    assert (answered["draft"] is None) == all(r["status"] != "done" for r in results)


async def test_a_partial_answer_names_what_it_lacks() -> None:
    update = await compose(state([], [result("a"), result("b", "timed_out")]), model=None)
    assert "Not answered: task b" in update["draft"]["text"]
    assert update["draft"]["reason"] == "1 of 2 steps have no result"


async def test_what_one_agent_did_is_not_called_unanswered_because_another_could_not() -> None:
    other = StepResult(**{**result("b", "abstained"), "task": "task a"})
    update = await compose(state([], [result("a"), other]), model=None)
    assert update["draft"]["text"] == "found a"
    assert update["draft"]["reason"] == ""


async def test_a_team_without_any_result_hands_back_a_failure_not_an_answer() -> None:
    update = await compose(state([], [result("a", "failed")]), model=None)
    assert update["draft"] is None
    assert "broke" in update["failure"]


def test_citations_of_several_agents_are_numbered_through_and_kept_once() -> None:
    text, citations = joined(
        [
            result("a", text="one [1]", citations=[citation(1, "p")]),
            result("b", text="two [1] three [2]", citations=[citation(1, "q"), citation(2, "p")]),
        ]
    )
    assert text == "one [1]\ntwo [2] three [1]"
    assert [(c["marker"], c["passage_id"]) for c in citations] == [(1, "p"), (2, "q")]


async def test_results_are_put_in_the_order_of_the_plan() -> None:
    update = await gather(state([step("a"), step("b")], [result("b"), result("a")]))
    assert [r["step_id"] for r in update["steps"]] == ["a", "b"]


def test_missing_results_are_replanned_only_as_often_as_allowed() -> None:
    then = gathered(1, can_replan=True)
    lacking = TeamState(messages=[], question="q", plan=[step("a")], steps=[result("a", "failed")])
    assert then({**lacking, "replans": 0}) == "plan"
    assert then({**lacking, "replans": 1}) == "compose"
