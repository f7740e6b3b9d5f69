"""What LangGraph's Redis saver costs, or asks of its server, and ours does not."""

import asyncio
import operator
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import pytest
from langchain_core.messages import HumanMessage
from langgraph.channels.delta import DeltaChannel
from langgraph.checkpoint.redis.aio import AsyncRedisSaver
from langgraph.graph import START, StateGraph
from redis.asyncio import Redis, RedisCluster, UnixDomainSocketConnection
from redis.exceptions import RedisError
from redisvl.exceptions import RedisVLError
from typing_extensions import TypedDict

from tests.contract.both_savers import OURS, both, opened
from tests.contract.checkpoint_makers import config, ids, put, state
from twintrack.bench.redis_servers import cluster, plain_redis
from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import RedisSettings
from twintrack.memory.checkpoints import VersionedRedisSaver


def _append(held: list[str], added: Sequence[list[str]]) -> list[str]:
    return [*held, *(item for items in added for item in items)]


class Deltas(TypedDict, total=False):
    words: Annotated[list[str], DeltaChannel(_append, snapshot_frequency=1000)]


class Talk(TypedDict, total=False):
    said: Annotated[list[Any], operator.add]


class Counting(TypedDict, total=False):
    said: str
    count: int


async def _bytes_held(source: RedisSource) -> int:
    return sum([await source.client().memory_usage(key, samples=0) or 0 async for key in source.client().scan_iter()])


def _one_node(saver: Any, schema: Any, update: Any) -> Any:
    builder: Any = StateGraph(schema)
    builder.add_node("note", update)
    builder.add_edge(START, "note")
    return builder.compile(checkpointer=saver)


def _noting(saver: Any) -> Any:
    async def note(_: Any) -> Any:
        return {"words": ["noted"]}

    return _one_node(saver, Deltas, note)


class Counted(UnixDomainSocketConnection):
    """A connection that counts what is sent over all of its kind."""

    sent = 0

    async def send_packed_command(self, *words: Any, **options: Any) -> Any:
        Counted.sent += 1
        return await super().send_packed_command(*words, **options)


@both()
async def test_a_rebuilt_channel_is_read_in_a_few_round_trips(kind: str, redis_url: str, source: RedisSource) -> None:
    client = Redis.from_url(redis_url)
    client.connection_pool.connection_class = Counted
    async with client:
        graph = _noting(await opened(kind, client))
        for n in range(20):
            await graph.ainvoke({"words": [str(n)]}, config("t"))
        await client.ping()
        Counted.sent = 0
        assert len((await graph.aget_state(config("t"))).values["words"]) == 40
    assert Counted.sent <= 2


@both()
async def test_a_version_is_stored_with_one_command_and_read_with_one(
    kind: str, redis_url: str, source: RedisSource
) -> None:
    client = Redis.from_url(redis_url)
    client.connection_pool.connection_class = Counted
    async with client:
        saver = await opened(kind, client)
        await put(saver, "t", {"n": 1})
        await saver.aget_tuple(config("t"))
        Counted.sent = 0
        await put(saver, "t", {"n": 2})
        await saver.aget_tuple(config("t"))
    assert Counted.sent == 2


@both()
async def test_a_value_that_did_not_change_is_stored_once(kind: str, source: RedisSource) -> None:
    async def note(_: Any) -> Any:
        return {"count": 1}

    graph = _one_node(await opened(kind, source.client()), Counting, note)
    await graph.ainvoke({"said": "x" * 10_000, "count": 0}, config("t"))
    before = await _bytes_held(source)
    for _ in range(10):
        await graph.ainvoke({"count": 1}, config("t"))
    assert await _bytes_held(source) - before < 10 * 10_000


@both()
async def test_pruning_leaves_what_a_channel_is_rebuilt_from(kind: str, source: RedisSource) -> None:
    saver = await opened(kind, source.client())
    graph = _noting(saver)
    for n in range(5):
        live = await graph.ainvoke({"words": [str(n)]}, config("t"))

    await saver.aprune(["t"], strategy="keep_latest")
    assert (await graph.aget_state(config("t"))).values == live


@both()
async def test_a_turn_costs_no_more_when_the_conversation_is_long(kind: str, source: RedisSource) -> None:
    async def answer(_: Any) -> Any:
        return {"said": []}

    graph = _one_node(await opened(kind, source.client()), Talk, answer)

    sizes = [0]
    for n in range(60):
        await graph.ainvoke({"said": [HumanMessage(f"{n} ".ljust(1000, "x"), id=str(n))]}, config("t"))
        if n in (9, 49, 59):
            sizes.append(await _bytes_held(source))
    assert sizes[3] - sizes[2] <= 3 * sizes[1]


@both()
async def test_writes_from_another_thread_keep_the_order_of_their_tasks_paths(kind: str, source: RedisSource) -> None:
    saver = await opened(kind, source.client())
    await saver.asetup()
    where = await put(saver, "t", {})
    for path, task in [("~2", "a"), ("~1", "c"), ("~1", "b")]:
        await asyncio.to_thread(saver.put_writes, where, [("x", task)], task, path)

    assert [value for _, _, value in (await saver.aget_tuple(where)).pending_writes] == ["b", "c", "a"]


@pytest.fixture
def plain_url(tmp_path: Path) -> Iterator[str]:
    with plain_redis(tmp_path) as url:
        yield url


@both(RedisError, RedisVLError)
async def test_a_redis_without_modules_will_do(kind: str, plain_url: str) -> None:
    async with Redis.from_url(plain_url) as client:
        saver = await opened(kind, client)
        await put(saver, "t", {"n": 1})
        assert await state(saver, config("t")) == {"n": 1}


@pytest.fixture
def cluster_url(tmp_path: Path) -> Iterator[str]:
    with cluster(tmp_path) as url:
        yield url


@pytest.mark.slow
@both(RedisError, RedisVLError)
async def test_a_cluster_will_do(kind: str, cluster_url: str) -> None:
    source = RedisSource(RedisSettings.model_validate({"url": cluster_url}))
    client: Any = source.client()
    assert isinstance(client, RedisCluster)
    saver: Any = VersionedRedisSaver(source=source) if kind == OURS else AsyncRedisSaver(redis_client=client)
    try:
        await saver.asetup()
        for n in range(8):
            await put(saver, f"t{n}", {"n": n})
            assert await state(saver, config(f"t{n}")) == {"n": n}
    finally:
        await source.aclose()


@both(always=False)
async def test_a_listing_right_after_the_index_is_made_anew_misses_nothing(kind: str, source: RedisSource) -> None:
    client: Any = source.client()
    saver = await opened(kind, client)
    for _ in range(10):
        await asyncio.gather(*(put(saver, "t", {}) for _ in range(100)))
    for index in await client.execute_command("FT._LIST"):
        await client.execute_command("FT.DROPINDEX", index)
    await saver.asetup()
    assert len(await ids(saver, config("t"))) == 1000
