"""Models that fail, and a turn that answers all the same and says what happened."""

from typing import Any

import pytest

from tests.contract.conftest import WHO, Opener
from tests.stubbed_models import COMPLEX, SIMPLE, Request, stubbed
from twintrack.app.testing import Reply, fails


def down(_: Request) -> Reply:
    return fails(503)


@pytest.mark.parametrize("question", [SIMPLE, COMPLEX])
async def test_a_turn_answers_while_every_model_rests_and_asks_none_of_them(opener: Opener, question: str) -> None:
    every: Any = dict.fromkeys(("router", "answerer", "planner", "agent"), down)
    settings = {"models": {"max_attempts": 1, "breaker_failures": 1, "breaker_rest_s": 600}}
    async with stubbed(opener, settings, **every) as (app, stub):
        first = await app.ask(question, user_id=WHO.user_id)
        asked = len(stub.server.requests)
        second = await app.ask(question, user_id=WHO.user_id)
    assert (first.status, second.status) == ("answered", "answered")
    assert (first.degraded, second.degraded) == (True, True)
    assert "failed on its side" in first.reason
    assert "failed too often in a row" in second.reason
    assert len(stub.server.requests) == asked


async def test_a_team_whose_agents_model_is_down_works_by_rules_and_says_so(opener: Opener) -> None:
    async with stubbed(opener, {"models": {"max_attempts": 1}}, agent=down) as (app, _):
        answer = await app.ask(COMPLEX, user_id=WHO.user_id)
    assert (answer.status, answer.route) == ("answered", "team")
    assert answer.degraded
    assert "calculator was stood in for by rules: openai:agent failed on its side" in answer.reason


async def test_another_model_takes_over_and_the_turn_says_which(opener: Opener) -> None:
    chain = {"models": {"max_attempts": 1, "agent": "openai:broken, openai:agent"}}
    async with stubbed(opener, chain, broken=down) as (app, stub):
        answer = await app.ask(COMPLEX, user_id=WHO.user_id)
    assert (answer.status, answer.route) == ("answered", "team")
    assert [step.status for step in answer.steps] == ["done", "done"]
    assert "openai:agent took over: openai:broken failed on its side" in answer.reason
    assert len(stub.asked("agent")) == 4
