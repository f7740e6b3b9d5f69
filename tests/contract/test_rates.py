"""So many tasks a minute over all processes, whatever form the URL of Redis has."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import AsyncMock

import pytest
from limits.aio.storage import MemoryStorage

from twintrack.core import rates
from twintrack.core.rates import SharedRates
from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import RedisSettings
from twintrack.nodes.state import Assignment
from twintrack.nodes.turnstile import Paced
from twintrack.nodes.work import Finding

SOON = 0.3
"""Who has to wait, waits for most of a minute; who is let in wrongly is let in at once."""
AT_ONCE = 10.0
"""Who is let in is let in at once; more than a slow machine takes, and less than a minute."""


async def admitted(counter: SharedRates, name: str, per_minute: int = 3, *, within: float = AT_ONCE) -> bool:
    try:
        async with asyncio.timeout(within):
            await counter.admitted(name, per_minute)
    except TimeoutError:
        return False
    return True


async def test_two_processes_share_one_minute(source: RedisSource, redis_url: str) -> None:
    other = RedisSource(RedisSettings.model_validate({"url": redis_url}))
    here, there = SharedRates(source), SharedRates(other)
    assert [await admitted(one, "a: b") for one in (here, there, here)] == [True] * 3
    assert not await admitted(there, "a: b", within=SOON)
    assert await admitted(there, "another")
    await other.aclose()


async def test_the_embedded_server_is_counted_on_over_its_socket_and_password(
    source: RedisSource, redis_url: str
) -> None:
    assert redis_url.startswith("unix://:")
    assert await admitted(SharedRates(source), "x", 1)
    assert [key async for key in source.client().scan_iter("twintrack:rate:*")]
    assert not await admitted(SharedRates(source), "x", 1, within=SOON)


def test_a_cluster_counts_in_each_process() -> None:
    assert isinstance(rates._storage(cast(Any, SimpleNamespace())), MemoryStorage)


async def test_an_agent_waits_its_turn_inside_its_own_time_limit(source: RedisSource) -> None:
    agent = AsyncMock(return_value=Finding("done"))
    paced = Paced(agent, "slow", 1, SharedRates(source))
    assignment = cast(Assignment, {})
    await paced(assignment, {})
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(SOON):
            await paced(assignment, {})
    assert agent.await_count == 1
