import asyncio
import operator
import time
from typing import Annotated, Any

import pytest
from langgraph.graph import START, StateGraph
from typing_extensions import TypedDict

from tests.waiting import PATIENCE_S, until
from twintrack.core.context import Identity
from twintrack.core.errors import Conflict, UnknownThread
from twintrack.core.redis_client import RedisSource
from twintrack.memory.checkpoints import VersionedRedisSaver


class Words(TypedDict, total=False):
    words: Annotated[list[str], operator.add]


LEASE = "twintrack:checkpoint:{t}:lease"


async def _lives_longer(source: RedisSource, milliseconds: int) -> bool:
    return bool(await source.client().pttl(LEASE) > milliseconds)


@pytest.fixture
def saver(source: RedisSource) -> VersionedRedisSaver:
    return VersionedRedisSaver(source=source, single_writer=True)


def _graph(saver: VersionedRedisSaver) -> Any:
    async def add(state: Words) -> Words:
        await asyncio.sleep(0.001)
        return {"words": ["x"]}

    builder: Any = StateGraph(Words)
    for at in range(3):
        builder.add_node(f"add{at}", add)
        builder.add_edge(f"add{at - 1}" if at else START, f"add{at}")
    return builder.compile(checkpointer=saver)


def _config(thread_id: str) -> Any:
    return {"configurable": {"thread_id": thread_id}}


@pytest.mark.parametrize("runs", ["ab", "abc"])
async def test_runs_that_wait_for_each_other_each_count_exactly_once(saver: VersionedRedisSaver, runs: str) -> None:
    graph = _graph(saver)
    right = 0

    async def run(thread: str, who: str) -> None:
        async with saver.lease(thread, policy="queue"):
            await graph.ainvoke({"words": [who]}, _config(thread))

    for trial in range(20):
        await asyncio.gather(*(run(f"t{trial}", who) for who in runs))
        words = (await graph.aget_state(_config(f"t{trial}"))).values["words"]
        right += sorted(words) == [*runs] + ["x"] * 3 * len(runs)
    assert f"exactly once in {right} of 20" == "exactly once in 20 of 20"


async def test_a_stale_writer_is_refused(saver: VersionedRedisSaver) -> None:
    """A run whose lease ended while it slept finds that another has gone on."""
    graph, paused, resumed = _graph(saver), asyncio.Event(), asyncio.Event()

    async def stall(state: Words) -> Words:
        paused.set()
        await resumed.wait()
        return {"words": ["late"]}

    builder: Any = StateGraph(Words)
    builder.add_node("stall", stall)
    builder.add_edge(START, "stall")
    stale = asyncio.create_task(
        builder.compile(checkpointer=saver).ainvoke({"words": ["a"]}, _config("t"), durability="sync")
    )
    await paused.wait()
    await graph.ainvoke({"words": ["b"]}, _config("t"))
    resumed.set()
    with pytest.raises(Conflict, match="'t'"):
        await stale
    assert "late" not in (await graph.aget_state(_config("t"))).values["words"]


async def test_a_second_run_is_refused_and_may_come_after_the_first(saver: VersionedRedisSaver) -> None:
    async with saver.lease("t"):
        with pytest.raises(Conflict, match="'t'"):
            async with saver.lease("t"):
                pytest.fail("two runs at once")
        async with saver.lease("other"):
            pass
    async with saver.lease("t"):
        pass


async def test_waiting_ends(saver: VersionedRedisSaver) -> None:
    async with saver.lease("t"):
        with pytest.raises(Conflict):
            async with saver.lease("t", policy="queue", wait_s=0.1):
                pytest.fail("two runs at once")


async def test_a_run_that_replaces_another_ends_it(saver: VersionedRedisSaver) -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def first() -> None:
        try:
            async with saver.lease("t"):
                began.set()
                await asyncio.sleep(PATIENCE_S)
        finally:
            ended.set()

    running = asyncio.create_task(first())
    await began.wait()
    async with saver.lease("t", policy="replace"):
        await asyncio.wait_for(ended.wait(), PATIENCE_S)
        with pytest.raises(Conflict):
            await running
        with pytest.raises(Conflict):
            async with saver.lease("t"):
                pytest.fail("the replaced run gave up a lease that was no longer its own")


async def test_a_lease_is_renewed_while_its_run_goes_on(saver: VersionedRedisSaver, source: RedisSource) -> None:
    async with saver.lease("t", lease_s=200):
        await source.client().pexpire(LEASE, 100_000)
        await until(lambda: _lives_longer(source, 100_000))
        with pytest.raises(Conflict):
            async with saver.lease("t"):
                pytest.fail("two runs at once")


async def test_the_thread_of_a_run_that_died_is_free_again_soon(
    saver: VersionedRedisSaver, source: RedisSource
) -> None:
    await source.client().set(LEASE, b"dead", px=300)

    async with saver.lease("t", policy="queue", wait_s=PATIENCE_S):
        pass
    assert [key async for key in source.client().scan_iter()] == []


async def test_a_run_that_is_cancelled_from_outside_is_cancelled(saver: VersionedRedisSaver) -> None:
    began = asyncio.Event()

    async def run() -> None:
        async with saver.lease("t"):
            began.set()
            await asyncio.sleep(PATIENCE_S)

    running = asyncio.create_task(run())
    await began.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    async with saver.lease("t"):
        pass


async def test_a_lease_the_server_lost_is_its_runs_again_at_once(
    saver: VersionedRedisSaver, source: RedisSource
) -> None:
    async with saver.lease("t", lease_s=PATIENCE_S):
        await source.client().delete(LEASE)
        await until(lambda: _lives_longer(source, 0))
        with pytest.raises(Conflict):
            async with saver.lease("t"):
                pytest.fail("two runs at once")


async def test_a_run_that_was_held_up_past_its_lease_ends_even_if_nobody_took_it(saver: VersionedRedisSaver) -> None:
    async def run() -> None:
        async with saver.lease("t", lease_s=0.2):
            await asyncio.sleep(0)
            time.sleep(0.3)  # noqa: ASYNC251 - what holds up a whole process
            await asyncio.sleep(1)
            pytest.fail("it went on")

    with pytest.raises(Conflict):
        await run()


async def test_a_lease_is_not_written_to_disk(saver: VersionedRedisSaver, source: RedisSource) -> None:
    client: Any = source.client()
    was = (await client.config_get("appendonly"))["appendonly"]
    await client.config_set("appendonly", "yes")
    async with saver.lease("t"):
        pass
    before = (await client.info("persistence"))["aof_current_size"]
    async with saver.lease("t"):
        pass
    async with saver.lease("t", policy="replace"):
        pass

    assert (await client.info("persistence"))["aof_current_size"] == before
    assert [key async for key in client.scan_iter()] == []
    await client.config_set("appendonly", was)


async def test_a_lease_is_not_given_to_a_stranger(saver: VersionedRedisSaver) -> None:
    ann, eve = Identity("acme", "ann"), Identity("acme", "eve")
    await saver.storage.put("t", [], ann)

    with pytest.raises(UnknownThread):
        async with saver.lease("t", owner=eve):
            pytest.fail("it was given")
    async with saver.lease("t", owner=ann), saver.lease("of nobody", owner=eve):
        pass


async def _newest(saver: VersionedRedisSaver, user: str = "") -> list[str]:
    where = {"thread_id": "t", **({"user_id": user} if user else {})}
    found = await saver.aget_tuple({"configurable": where})
    return found.checkpoint["channel_values"]["words"] if found else []


def _unasked(saver: VersionedRedisSaver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saver.storage, "client", lambda: pytest.fail("the server was asked"))


@pytest.mark.parametrize("words", [[], ["hello"]])
async def test_the_lease_brings_what_the_run_begins_with(
    saver: VersionedRedisSaver, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if words:
        await _graph(saver).ainvoke({"words": words}, _config("t"))
    async with saver.lease("t"):
        with monkeypatch.context() as patched:
            _unasked(saver, patched)
            assert await _newest(saver) == words + ["x"] * 3 * len(words)


async def test_what_the_lease_brought_is_believed_once(saver: VersionedRedisSaver, source: RedisSource) -> None:
    async with saver.lease("t"):
        assert await _newest(saver) == []
        await _graph(VersionedRedisSaver(source=source)).ainvoke({"words": ["a"]}, _config("t"))
        assert await _newest(saver) == ["a", "x", "x", "x"]


async def test_what_was_written_since_the_lease_was_taken_is_read(saver: VersionedRedisSaver) -> None:
    await _graph(saver).ainvoke({"words": ["a"]}, _config("t"))
    async with saver.lease("t"):
        version = await saver.storage.newest("t")
        await saver.aput_writes(
            {"configurable": {"thread_id": "t", "checkpoint_ns": "", "checkpoint_id": version}},
            [("words", ["b"])],
            "t1",
        )
        found = await saver.aget_tuple(_config("t"))
        assert found is not None
        assert found.pending_writes == [("t1", "words", ["b"])]


async def test_what_the_lease_brought_is_forgotten_with_it(saver: VersionedRedisSaver, source: RedisSource) -> None:
    async with saver.lease("t"):
        pass
    await _graph(VersionedRedisSaver(source=source)).ainvoke({"words": ["a"]}, _config("t"))
    assert await _newest(saver) == ["a", "x", "x", "x"]


async def test_what_the_lease_brought_is_for_its_owner_alone(saver: VersionedRedisSaver) -> None:
    ann, eve = Identity("default", "ann"), "eve"
    await saver.storage.put("t", [], ann)
    async with saver.lease("t", owner=ann):
        with pytest.raises(UnknownThread):
            await _newest(saver, eve)
