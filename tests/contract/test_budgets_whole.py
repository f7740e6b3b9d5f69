"""Whatever limit a turn runs into, and wherever: it answers, and says which limit it was."""

from typing import Any

import pytest

from tests.contract.conftest import WHO, Opener
from tests.stubbed_models import COMPLEX, ROLES, SIMPLE, stubbed
from twintrack.app.testing import hangs


@pytest.mark.parametrize("question", [SIMPLE, COMPLEX])
@pytest.mark.parametrize(
    ("limit", "words"),
    [
        ({"max_model_calls": 1}, "1 model calls"),
        ({"max_model_calls": 3}, "3 model calls"),
        ({"max_tool_calls": 1}, "1 tool calls"),
        ({"max_tokens": 1}, "1 tokens"),
        ({"max_cost": 1e-9, "prices": {key: {"read": 1, "written": 1} for key in ROLES}}, "of money"),
        ({"user_model_calls": 2}, "The user reached the limit of 2 model calls"),
        ({"tenant_tokens": 300}, "The tenant reached the limit of 300 tokens"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
async def test_a_turn_out_of_budget_answers_with_what_it_has(
    opener: Opener, question: str, limit: dict[str, Any], words: str
) -> None:
    async with stubbed(opener, {"budgets": limit}) as (app, _):
        answer = await app.ask(question, user_id=WHO.user_id)
    assert answer.status == "answered"
    # One question of the direct track takes one call, so some limits never bind it.
    assert answer.degraded or question == SIMPLE
    if answer.degraded:
        assert words in answer.reason


@pytest.mark.parametrize("question", [SIMPLE, COMPLEX])
async def test_without_a_model_too_a_turn_that_took_too_long_says_so(opener: Opener, question: str) -> None:
    async with opener() as app:
        late = await app.ask(question, user_id=WHO.user_id, max_seconds=0.001)
        in_time = await app.ask(question, user_id=WHO.user_id)
    assert late.status == in_time.status == "answered"
    assert (late.degraded, "limit of 0.001 seconds" in late.reason) == (True, True)
    assert not in_time.degraded


async def test_a_users_window_holds_from_turn_to_turn_and_for_that_user_alone(opener: Opener) -> None:
    async with stubbed(opener, {"budgets": {"user_model_calls": 1}}) as (app, stub):
        first = await app.ask(SIMPLE, user_id=WHO.user_id)
        second = await app.ask(SIMPLE, user_id=WHO.user_id)
        third = await app.ask(SIMPLE, user_id="bob")
    assert (first.degraded, second.degraded, third.degraded) == (False, True, False)
    assert "The user reached the limit of 1 model calls" in second.reason
    assert second.status == "answered"
    assert len(stub.asked("answerer")) == 2


async def test_without_a_shared_limit_nothing_is_counted_on_redis(opener: Opener) -> None:
    async with stubbed(opener) as (app, _):
        await app.ask(SIMPLE, user_id=WHO.user_id)
        assert not await app.parts.source.client().keys("twintrack:spend:*")


async def test_a_direct_track_that_hangs_ends_in_a_labelled_failure(opener: Opener) -> None:
    hanging = {"answerer": lambda _: hangs(8)}
    async with stubbed(opener, {"budgets": {"step_seconds": 0.5}}, **hanging) as (app, _):  # type: ignore[arg-type]
        answer = await app.ask(SIMPLE, user_id=WHO.user_id)
    assert answer.status == "failed"
    assert "answer took longer than 0.5 seconds" in answer.reason
