"""A wrong first choice is mended: what the direct track cannot answer goes to the team, once, with and without a model."""

import json
import re

import pytest

from tests.contract.conftest import WHO, Opener
from tests.stubbed_models import SIMPLE, Part, Request, composed, in_turn, stubbed
from twintrack.app.application import App
from twintrack.app.testing import Reply, says

TWO_PARTS = "Which opera did the mayor forbid, and who is the harbour master?"
DIRECT = {"router": {"threshold": 1.0, "margin": 0.0}}
TALL = "The lighthouse of the harbour is 41 metres tall.[1]"


async def steps(app: App, question: str) -> list[str]:
    """Ask, and return the root graph's steps in order."""
    told = [event.step async for event in app.stream(question, user_id=WHO.user_id) if event.kind == "step"]
    return [step for step in told if "/" not in step]


def judged(*answers: bool) -> Part:
    """Find each answer of the direct track right or not, in turn, and support every claim."""
    said = iter(answers)

    def judge(request: Request) -> Reply:
        count = len(re.findall(r"^Claim \d+:", request["messages"][-1]["content"], re.MULTILINE))
        verdicts = [{"claim": number, "supported": True} for number in range(1, count + 1)]
        return says(json.dumps({"answers": next(said), "verdicts": verdicts}))

    return judge


def answerer(direct: str) -> Part:
    """Say `direct` to the direct track, and compose for the team as the stub always does."""
    return lambda request: composed(request) if "Findings:" in str(request["messages"]) else says(direct)


async def test_without_a_model_what_no_quote_answers_is_answered_by_the_team(opener: Opener) -> None:
    async with opener(DIRECT) as app:
        answer = await app.ask(TWO_PARTS, user_id=WHO.user_id)
        assert await steps(app, TWO_PARTS) == ["admit", "recall", "route", "direct", "team", "release", "remember"]
    assert (answer.status, answer.route, answer.degraded) == ("answered", "direct", False)
    assert "Greta Holm" in answer.text
    assert "escalated from direct to team" in answer.reason
    assert answer.citations
    assert [step.agent for step in answer.steps] == ["researcher", "researcher"]


@pytest.mark.parametrize("said", ["NO ANSWER", "The moon is made of cheese. [1]"])
async def test_a_model_without_an_answer_hands_on_to_the_team(opener: Opener, said: str) -> None:
    async with stubbed(opener, DIRECT, answerer=answerer(said)) as (app, stub):
        answer = await app.ask(SIMPLE, user_id=WHO.user_id)
    assert (answer.status, answer.route, answer.degraded) == ("answered", "direct", False)
    assert "Greta Holm" in answer.text
    assert "escalated from direct to team" in answer.reason
    assert len(stub.asked("planner")) == 1


async def test_what_the_judge_rejects_goes_to_the_team(opener: Opener) -> None:
    async with stubbed(opener, DIRECT, answerer=answerer(TALL), judge=judged(False, True)) as (app, stub):
        answer = await app.ask(SIMPLE, user_id=WHO.user_id)
    assert answer.status == "answered"
    assert "Greta Holm" in answer.text
    assert len(stub.asked("judge")) == 2


async def test_when_the_team_finds_nothing_either_it_abstains_and_says_what_was_looked_at(opener: Opener) -> None:
    nothing: Part = lambda _: says("I found nothing.")  # noqa: E731 - a part is a function
    async with stubbed(opener, DIRECT, answerer=lambda _: says("NO ANSWER"), agent=nothing) as (app, stub):
        answer = await app.ask(SIMPLE, user_id=WHO.user_id)
    assert (answer.status, answer.citations) == ("abstained", [])
    assert "no agent had a result" in answer.reason
    assert re.search(r"looked at: .*harbour", answer.reason)
    assert len([one for one in stub.asked("answerer") if "Passages:" in str(one["messages"])]) == 1


@pytest.mark.parametrize(("question", "looked"), [(SIMPLE, "looked at: "), ("茶园的主人是谁?", "查阅了：")])
async def test_a_run_at_its_limit_abstains_at_once_with_what_was_looked_at(
    opener: Opener, question: str, looked: str
) -> None:
    async with stubbed(opener, DIRECT, answerer=in_turn(says("NO ANSWER"))) as (app, stub):
        answer = await app.ask(question, user_id=WHO.user_id, max_model_calls=1)
    assert (answer.status, answer.steps) == ("abstained", [])
    assert "limit of 1 model calls" in answer.reason
    assert looked in answer.reason
    assert not stub.asked("planner")
