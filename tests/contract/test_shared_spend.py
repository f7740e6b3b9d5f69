"""Users' and tenants' windows on a real Redis: what is spent side by side, in several processes, is one sum."""

import asyncio

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from tests.examples import examples
from twintrack.core.context import Identity
from twintrack.core.errors import BudgetExceeded
from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import RedisSettings
from twintrack.core.shared_spend import Amount, Ceiling, SharedSpend

ADA, BOB = Identity("acme", "ada"), Identity("acme", "bob")
NONE = Ceiling()


def spend(source: RedisSource, user: Ceiling = NONE, tenant: Ceiling = NONE, now: float = 1000.0) -> SharedSpend:
    return SharedSpend(source, user=user, tenant=tenant, window_s=60, clock=lambda: now)


async def test_calls_of_many_processes_never_pass_the_users_limit(source: RedisSource, redis_url: str) -> None:
    others = [RedisSource(RedisSettings.model_validate({"url": redis_url})) for _ in range(2)]
    counters = [spend(one, Ceiling(model_calls=5)) for one in (source, *others)]
    asked = [counters[number % 3].reserve(ADA, Amount(model_calls=1)) for number in range(16)]
    came = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(isinstance(one, BudgetExceeded) for one in came) == 11
    await counters[0].reserve(BOB, Amount(model_calls=1))
    for other in others:
        await other.aclose()


async def test_a_refusal_counts_nothing_for_anybody(source: RedisSource) -> None:
    counter = spend(source, Ceiling(tokens=100), Ceiling(model_calls=2))
    await counter.reserve(ADA, Amount(model_calls=1, tokens=100))
    with pytest.raises(BudgetExceeded, match="The user reached the limit of 100 tokens"):
        await counter.reserve(ADA, Amount(model_calls=1, tokens=1))
    await counter.reserve(BOB, Amount(model_calls=1, tokens=1))
    with pytest.raises(BudgetExceeded, match="The tenant reached the limit of 2 model calls"):
        await counter.reserve(BOB, Amount(model_calls=1, tokens=1))


async def test_settling_gives_back_what_was_not_spent_and_money_is_exact(source: RedisSource) -> None:
    counter = spend(source, Ceiling(cost=0.3))
    for _ in range(3):
        window = await counter.reserve(ADA, Amount(cost=0.25))
        await counter.settle(window, Amount(cost=-0.15))
    with pytest.raises(BudgetExceeded, match=r"0\.3 of money"):
        await counter.reserve(ADA, Amount(cost=0.01))


async def test_the_next_window_begins_with_nothing_spent_and_the_last_one_goes(source: RedisSource) -> None:
    window = await spend(source, Ceiling(model_calls=1)).reserve(ADA, Amount(model_calls=1))
    await spend(source, Ceiling(model_calls=1), now=1061.0).reserve(ADA, Amount(model_calls=1))
    assert 0 < await source.client().ttl(window.keys[0]) <= 121


@examples(15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 3000), st.integers(1, 16), st.lists(st.integers(1, 500), min_size=1, max_size=40))
async def test_parallel_agents_pass_a_window_by_no_more_than_a_call_each(
    source: RedisSource, limit: int, agents: int, sizes: list[int]
) -> None:
    await source.client().flushall()
    counter = spend(source, Ceiling(tokens=limit))
    todo, spent = list(sizes), 0

    async def agent() -> None:
        nonlocal spent
        while todo:
            size = todo.pop()
            try:
                window = await counter.reserve(ADA, Amount(model_calls=1, tokens=50))
            except BudgetExceeded:
                return
            spent += size
            await counter.settle(window, Amount(tokens=size - 50))

    await asyncio.gather(*(agent() for _ in range(agents)))
    assert spent < limit + agents * max(sizes)
