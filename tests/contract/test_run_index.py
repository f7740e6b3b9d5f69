"""Which threads a run wrote to is known as long as they live, and not a moment longer."""

import asyncio
from typing import Any

import pytest
from redis.asyncio import Redis

from tests.contract.checkpoint_makers import checkpoint, config, id_of, ids, put
from tests.waiting import until
from twintrack.core.context import Identity
from twintrack.core.errors import Conflict, UnknownThread
from twintrack.core.redis_client import RedisSource
from twintrack.memory.checkpoints import VersionedRedisSaver

LIFE_S = 1.6


@pytest.fixture(params=["wired", "plain"])
async def saver(request: pytest.FixtureRequest, source: RedisSource, redis_url: str) -> Any:
    """Give a saver on our client, whose commands keep their order, and one on redis-py's."""
    if request.param == "wired":
        yield VersionedRedisSaver(source=source, single_writer=True)
        return
    async with Redis.from_url(redis_url) as client:
        yield VersionedRedisSaver(redis_client=client, single_writer=True)


async def _keys(source: RedisSource) -> list[bytes]:
    return [key async for key in source.client().scan_iter()]


async def test_a_thread_that_was_pruned_is_erased_whole(saver: VersionedRedisSaver, source: RedisSource) -> None:
    where = None
    for n in range(5):
        where = await put(saver, "t", {"n": n}, parent=where, run_id=f"r{n}")
    await saver.aprune(["t"], keep_last=2)

    assert sorted(key for key in await _keys(source) if b":run:" in key) == [b"twintrack:run:r3", b"twintrack:run:r4"]
    await saver.adelete_thread("t")
    assert await _keys(source) == []


async def test_a_run_that_was_dropped_takes_no_other_ones_index_with_it(
    saver: VersionedRedisSaver, source: RedisSource
) -> None:
    first = await put(saver, "t", {"n": 1}, run_id="r1")
    await put(saver, "other", {"n": 1}, run_id="r1")
    await put(saver, "t", {"n": 2}, parent=first, run_id="r2")

    await saver.adelete_for_runs(["r1"])
    assert b"twintrack:run:r1" not in await _keys(source)
    await saver.adelete_for_runs(["r2"])
    assert await _keys(source) == []


async def test_a_put_that_is_refused_as_stale_leaves_nothing(saver: VersionedRedisSaver, source: RedisSource) -> None:
    first = await put(saver, "t", {"n": 1}, run_id="r1")
    await put(saver, "t", {"n": 2}, parent=first, run_id="r2")
    before = sorted(await _keys(source))

    with pytest.raises(Conflict):
        await put(saver, "t", {"n": 3}, parent=first, run_id="late")
    assert sorted(await _keys(source)) == before


async def test_a_put_to_someone_elses_thread_leaves_nothing(saver: VersionedRedisSaver, source: RedisSource) -> None:
    await saver.storage.put("t", [], Identity("default", "ada"))
    before = sorted(await _keys(source))

    with pytest.raises(UnknownThread):
        await saver.aput(config("t", user_id="eve"), checkpoint({}), {"source": "loop", "run_id": "r"}, {})
    assert sorted(await _keys(source)) == before


async def test_a_run_that_is_refused_late_can_still_be_dropped(saver: VersionedRedisSaver) -> None:
    first = await put(saver, "t", {"n": 1}, run_id="r1")
    mine = await put(saver, "t", {"n": 2}, parent=first, run_id="late")
    other = VersionedRedisSaver(redis_client=saver.storage.client(), single_writer=True)
    theirs = await put(other, "t", {"n": 3}, parent=mine, run_id="r2")
    with pytest.raises(Conflict):
        await put(
            VersionedRedisSaver(redis_client=saver.storage.client(), single_writer=True),
            "t",
            {"n": 4},
            parent=mine,
            run_id="late",
        )

    await saver.adelete_for_runs(["late"])
    assert await ids(saver, config("t")) == [id_of(theirs), id_of(first)]


async def test_the_index_of_a_run_lives_as_long_as_its_thread(source: RedisSource) -> None:
    saver = VersionedRedisSaver(source=source, ttl={"default_ttl": LIFE_S / 60, "refresh_on_read": True})
    first = await put(saver, "t", {"n": 1}, run_id="r1")
    where = await put(saver, "t", {"n": 2}, parent=first, run_id="r2")
    for n in range(8):  # more than two lives of a thread
        await asyncio.sleep(LIFE_S / 4)
        if n % 2:
            where = await put(saver, "t", {"n": n}, parent=where, run_id="r3")
        else:
            await saver.aget_tuple(config("t"))

    await saver.adelete_for_runs(["r3"])
    await saver.adelete_for_runs(["r2"])
    assert await ids(saver, config("t")) == [id_of(first)]

    async def is_all_gone() -> bool:
        return not await _keys(source)

    await until(is_all_gone)


async def test_a_thread_kept_for_good_has_its_runs_kept_for_good(source: RedisSource) -> None:
    await put(VersionedRedisSaver(source=source, ttl_minutes=5), "t", {"n": 1}, run_id="r1")
    saver = VersionedRedisSaver(source=source, ttl={"default_ttl": -1})
    await put(saver, "t", {"n": 2}, run_id="r2")

    assert {await source.client().ttl(key) for key in await _keys(source)} == {-1}
    await saver.adelete_for_runs(["r1", "r2"])
    assert await ids(saver, config("t")) == []
