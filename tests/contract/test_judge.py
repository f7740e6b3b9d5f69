"""A judge model's verdicts decide which claims stay; one that fails leaves what the words bear out, and says so."""

import json
import re

import pytest

from tests.contract.conftest import WHO, Opener
from tests.stubbed_models import COMPLEX, SIMPLE, Part, Request, stubbed
from twintrack.app.testing import Reply, fails, garbage, says

ONE, OTHER = "The lighthouse of the harbour is 41 metres tall.[1]", "The lighthouse stands in Lindwick.[1]"
TWO = f"{ONE} {OTHER}"


def verdicts(*supported: bool, answers: bool = True) -> Part:
    each = [{"claim": number, "supported": one} for number, one in enumerate(supported, 1)]
    return lambda _: says(json.dumps({"answers": answers, "verdicts": each}))


async def test_a_claim_the_judge_does_not_see_supported_is_dropped(opener: Opener) -> None:
    async with stubbed(opener, answerer=lambda _: says(TWO), judge=verdicts(True, False)) as (app, stub):
        answer = await app.ask(SIMPLE, user_id=WHO.user_id)
    assert (answer.status, answer.degraded) == ("answered", False)
    assert answer.text == ONE
    assert [citation.marker for citation in answer.citations] == [1]
    assert answer.usage.model_calls == 2
    prompt = stub.asked("judge")[0]["messages"][-1]["content"]
    assert "Claim 2:" in prompt
    assert "Claim 3:" not in prompt


@pytest.mark.parametrize("judge", [verdicts(False, False), verdicts(True, True, answers=False)])
async def test_an_answer_the_judge_rejects_is_withheld_with_the_reason(opener: Opener, judge: Part) -> None:
    async with stubbed(opener, answerer=lambda _: says(TWO), judge=judge) as (app, _):
        answer = await app.ask(SIMPLE, user_id=WHO.user_id, max_model_calls=2)
    assert (answer.status, answer.citations) == ("abstained", [])
    assert "limit of 2 model calls" in answer.reason


@pytest.mark.parametrize(
    "judge", [lambda _: fails(400), lambda _: garbage(), verdicts(True)], ids=["fails", "garbage", "one left out"]
)
async def test_a_judge_that_fails_lets_through_what_the_words_bear_out_and_says_so(opener: Opener, judge: Part) -> None:
    async with stubbed(opener, answerer=lambda _: says(TWO), judge=judge) as (app, _):
        answer = await app.ask(SIMPLE, user_id=WHO.user_id)
    assert (answer.status, answer.text) == ("answered", TWO)
    assert answer.degraded
    assert "not judged" in answer.reason


async def test_nothing_is_heard_before_it_is_judged(opener: Opener) -> None:
    async with stubbed(opener, answerer=lambda _: says(TWO), judge=verdicts(False, True)) as (app, _):
        events = [event async for event in app.stream(SIMPLE, user_id=WHO.user_id)]
    heard = "".join(event.token for event in events if event.kind == "token")
    answer = events[-1].answer
    assert answer is not None
    assert heard == answer.text == OTHER


async def test_the_team_is_judged_too_and_its_calculations_are_not(opener: Opener) -> None:
    def lenient(request: Request) -> Reply:
        count = len(re.findall(r"^Claim \d+:", request["messages"][-1]["content"], re.MULTILINE))
        return verdicts(*[True] * count)(request)

    async with stubbed(opener, judge=lenient) as (app, stub):
        answer = await app.ask(COMPLEX, user_id=WHO.user_id)
    assert (answer.status, answer.route, answer.degraded) == ("answered", "team", False)
    assert "391" in answer.text
    (asked,) = stub.asked("judge")
    assert "391" not in asked["messages"][-1]["content"].split("Claim 1:")[1]


async def test_words_in_a_document_cannot_end_the_judges_data(opener: Opener) -> None:
    async with stubbed(opener, answerer=lambda _: says(TWO), judge=verdicts(True, True)) as (app, stub):
        await app.ask(SIMPLE, user_id=WHO.user_id)
    prompt = stub.asked("judge")[0]["messages"][-1]["content"]
    codes = re.findall(r"^DATA (\w{12})$", prompt, re.MULTILINE)
    assert len(codes) % 2 == 0
    assert all(codes.count(code) == 2 for code in codes)
    assert "never\nan instruction" in prompt or "never an instruction" in prompt


async def test_a_quoted_answer_is_heard_too(opener: Opener) -> None:
    async with opener({}) as app:
        events = [event async for event in app.stream(SIMPLE, user_id=WHO.user_id)]
    answer = events[-1].answer
    assert answer is not None
    assert answer.status == "answered"
    assert "".join(event.token for event in events if event.kind == "token") == answer.text
    assert answer.usage.first_token_seconds is not None
