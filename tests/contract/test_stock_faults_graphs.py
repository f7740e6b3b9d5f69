"""What goes wrong in graphs run on LangGraph's own Redis saver, and does not on ours."""

import asyncio
import operator
from collections.abc import Sequence
from typing import Annotated, Any

import pytest
from langgraph.channels.delta import DeltaChannel
from langgraph.checkpoint.redis.aio import AsyncRedisSaver
from langgraph.graph import END, START, StateGraph
from redis.exceptions import MaxConnectionsError
from redisvl.exceptions import RedisVLError
from typing_extensions import TypedDict

from tests.contract.both_savers import OURS, both, opened
from tests.contract.checkpoint_makers import config
from twintrack.core.redis_client import RedisSource
from twintrack.memory.checkpoints import VersionedRedisSaver


def _append(held: list[str], added: Sequence[list[str]]) -> list[str]:
    return [*held, *(item for items in added for item in items)]


class Deltas(TypedDict, total=False):
    words: Annotated[list[str], DeltaChannel(_append, snapshot_frequency=50)]


class Words(TypedDict, total=False):
    words: Annotated[list[str], operator.add]


def _wide(saver: Any, schema: Any, width: int = 6) -> Any:
    """Return a graph of which `width` nodes write one channel at once, the first ones last."""
    builder: Any = StateGraph(schema)
    for n in range(width):

        async def write(_: Any, n: int = n) -> Any:
            await asyncio.sleep((width - n) / 1000)
            return {"words": [str(n)]}

        builder.add_node(f"write{n}", write)
        builder.add_edge(START, f"write{n}")
        builder.add_edge(f"write{n}", END)
    return builder.compile(checkpointer=saver)


@both()
async def test_what_parallel_nodes_wrote_is_replayed_in_their_order(kind: str, source: RedisSource) -> None:
    graph = _wide(await opened(kind, source.client()), Deltas)
    for turn in range(5):
        live = await graph.ainvoke({"words": [f"in{turn}"]}, config("t"))
        assert (await graph.aget_state(config("t"))).values == live


@pytest.mark.filterwarnings("ignore:get_async_redis_connection will become:DeprecationWarning")
@both(MaxConnectionsError, RedisVLError)
async def test_sixty_four_threads_run_at_once(kind: str, redis_url: str, source: RedisSource) -> None:
    async with (VersionedRedisSaver if kind == OURS else AsyncRedisSaver)(redis_url) as saver:
        graph = _wide(saver, Words)
        runs = (graph.ainvoke({"words": ["in"]}, config(f"t{n}")) for n in range(64))
        done = await asyncio.gather(*runs, return_exceptions=True)
    for each in done:
        if isinstance(each, BaseException):
            raise each
        assert len(each["words"]) == 7


@both()
async def test_time_travel_finds_a_subgraph_as_it_was(kind: str, source: RedisSource) -> None:
    async def remember(_: Words) -> Words:
        return {"words": ["inner"]}

    inner: Any = StateGraph(Words)
    inner.add_node("remember", remember)
    inner.add_edge(START, "remember")
    stateful = inner.compile(checkpointer=True)

    async def call(_: Words) -> Words:
        return {"words": [str(len((await stateful.ainvoke({"words": []}))["words"]))]}

    builder: Any = StateGraph(Words)
    builder.add_node("call", call)
    builder.add_edge(START, "call")
    graph = builder.compile(checkpointer=await opened(kind, source.client()))
    for _ in range(3):
        await graph.ainvoke({"words": []}, config("t"))
    history = [found async for found in graph.aget_state_history(config("t"))]
    before_second = next(found for found in history if found.values["words"] == ["1"] and found.next == ("call",))

    assert (await graph.ainvoke(None, before_second.config))["words"] == ["1", "2"]


@both()
async def test_no_run_that_reports_success_is_lost_to_another_one(kind: str, source: RedisSource) -> None:
    saver = await opened(kind, source.client(), **({"single_writer": True} if kind == OURS else {}))

    async def add(_: Words) -> Words:
        await asyncio.sleep(0.002)
        return {"words": ["x"]}

    builder: Any = StateGraph(Words)
    for at in range(3):
        builder.add_node(f"add{at}", add)
        builder.add_edge(f"add{at - 1}" if at else START, f"add{at}")
    graph = builder.compile(checkpointer=saver)
    for pair in range(10):
        where = config(f"t{pair}")
        await graph.ainvoke({"words": []}, where)
        both_runs = (graph.ainvoke({"words": []}, where, durability="sync") for _ in range(2))
        done = [each for each in await asyncio.gather(*both_runs, return_exceptions=True) if isinstance(each, dict)]
        assert done
        assert len((await graph.aget_state(where)).values["words"]) == 3 + 3 * len(done)
