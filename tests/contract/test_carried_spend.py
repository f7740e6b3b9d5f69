"""A run that is left and goes on elsewhere goes on counting: its limits hold over both halves together."""

import asyncio
from contextlib import suppress
from typing import Any

from tests.contract.conftest import WHO, Opener
from tests.stubbed_models import COMPLEX, SIMPLE, Request, acted, stubbed
from tests.waiting import PATIENCE_S, until
from twintrack.app.testing import Reply, hangs
from twintrack.core.context import Identity
from twintrack.core.redis_client import RedisSource
from twintrack.core.run_spend import RunSpend
from twintrack.guardrails.accounts import Account, Limits, task_of
from twintrack.guardrails.budget import SpendMeter

ASKS = {"team": {"approve": ["calculator"]}}
YES = [{"type": "approve"}]


def limits(**budgets: Any) -> dict[str, Any]:
    return {**ASKS, "budgets": budgets}


async def test_a_run_that_waited_for_a_person_goes_on_counting_in_another_process(opener: Opener) -> None:
    async with stubbed(opener, ASKS) as (app, first):
        waiting = await app.ask(COMPLEX, thread_id="t", user_id=WHO.user_id)
        assert waiting.status == "interrupted"
    async with stubbed(opener, ASKS) as (app, second):
        answer = await app.resume("t", YES, user_id=WHO.user_id)
    assert answer.status == "answered"
    assert first.server.requests
    assert second.server.requests
    assert answer.usage.model_calls == len(first.server.requests) + len(second.server.requests)
    assert answer.usage.output_tokens > waiting.usage.output_tokens > 0


async def test_a_limit_that_the_first_half_used_up_holds_in_the_second(opener: Opener) -> None:
    async with stubbed(opener, ASKS) as (app, stub):
        await app.ask(COMPLEX, thread_id="t", user_id=WHO.user_id)
        spent = len(stub.server.requests)
    async with stubbed(opener, limits(max_model_calls=spent)) as (app, stub):
        answer = await app.resume("t", YES, user_id=WHO.user_id)
        assert not stub.server.requests
    assert answer.status == "answered"
    assert f"This run reached its limit of {spent} model calls" in answer.reason


async def test_a_turn_that_has_ended_leaves_no_account_and_the_next_one_begins_anew(
    opener: Opener, source: RedisSource
) -> None:
    async with stubbed(opener, ASKS) as (app, _):
        await app.ask(COMPLEX, thread_id="t", user_id=WHO.user_id)
        assert len(await source.client().keys("twintrack:account:*")) == 1
        await app.resume("t", YES, user_id=WHO.user_id)
        assert not await source.client().keys("twintrack:account:*")
        answer = await app.ask(SIMPLE, thread_id="t", user_id=WHO.user_id)
    assert answer.usage.model_calls == 1


async def test_a_run_that_was_stopped_in_the_middle_of_its_team_goes_on_counting(
    opener: Opener, source: RedisSource
) -> None:
    """The researcher is done, the calculator hangs, and the caller gives up."""
    hung = asyncio.Event()

    def hanging(request: Request) -> Reply:
        calculates = request["tools"] and request["tools"][0]["function"]["name"] == "calculate"
        if calculates:
            hung.set()
        return hangs(PATIENCE_S) if calculates else acted(request)

    async def is_written() -> bool:
        return bool(await source.client().keys("twintrack:account:*"))

    async with stubbed(opener, seconds=PATIENCE_S, agent=hanging) as (app, first):
        asking = asyncio.create_task(app.ask(COMPLEX, thread_id="t", user_id=WHO.user_id))
        await hung.wait()
        await until(is_written)
        asking.cancel()
        with suppress(asyncio.CancelledError):
            await asking
        spent = len(first.server.requests)
        assert len(first.asked("planner")) == 1
    async with stubbed(opener) as (app, second):
        answer = await app.resume("t", user_id=WHO.user_id)
    assert answer.status == "answered"
    assert answer.usage.model_calls == spent + len(second.server.requests)


async def test_without_an_interruption_the_direct_track_writes_no_account(opener: Opener, source: RedisSource) -> None:
    async with stubbed(opener) as (app, _):
        await app.ask(SIMPLE, user_id=WHO.user_id)
        assert not await source.client().keys("twintrack:account:*")


async def test_what_is_kept_of_a_run_goes_with_its_user(opener: Opener, source: RedisSource) -> None:
    async with stubbed(opener, ASKS) as (app, _):
        await app.ask(COMPLEX, thread_id="t", user_id=WHO.user_id)
        await app.erase(WHO.user_id)
    assert not await source.client().keys("twintrack:account:*")


def test_an_agent_that_waits_for_a_person_goes_on_at_what_its_task_had_spent() -> None:
    meter = SpendMeter(Limits())
    left = Account(Limits())
    with suppress(asyncio.CancelledError), task_of(left, "clerk", Limits(tokens=500), max_depth=3, step="1") as task:
        task.settle(300, 100, 0.0)
        raise asyncio.CancelledError
    meter.account.carry(left.spent())
    with task_of(meter.account, "clerk", Limits(tokens=500), max_depth=3, step="1") as again:
        assert (again.read, again.written) == (300, 100)
        assert meter.account.read == 300
    with task_of(meter.account, "clerk", Limits(tokens=500), max_depth=3, step="1") as anew:
        assert anew.read == 0


async def test_an_account_is_its_users_alone(source: RedisSource) -> None:
    spend = RunSpend(source, days=1)
    await spend.keep(WHO, "t", {"read": 3})
    assert await spend.read(WHO, "t") == {"read": 3}
    assert await spend.read(Identity("other", WHO.user_id), "t") == {}
