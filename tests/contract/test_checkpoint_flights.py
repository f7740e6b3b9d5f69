import asyncio
from typing import Any

import pytest
from langgraph.graph import START, StateGraph
from redis.exceptions import ConnectionError as LostConnection
from typing_extensions import TypedDict

from tests.contract.checkpoint_makers import config, ids, put, state
from twintrack.core.errors import Conflict
from twintrack.core.redis_client import RedisSource
from twintrack.memory.checkpoints import VersionedRedisSaver

STEPS = 12
MODES = ["sync", "async", "exit"]


class Counted(TypedDict):
    n: int


def _graph(saver: VersionedRedisSaver, also: Any = None) -> Any:
    async def count(state: Counted) -> Counted:
        if also:
            await also(state["n"])
        return {"n": state["n"] + 1}

    builder: Any = StateGraph(Counted)
    for at in range(STEPS):
        builder.add_node(f"n{at}", count)
        builder.add_edge(f"n{at - 1}" if at else START, f"n{at}")
    return builder.compile(checkpointer=saver)


@pytest.fixture
def saver(source: RedisSource) -> VersionedRedisSaver:
    return VersionedRedisSaver(source=source, single_writer=True)


@pytest.mark.parametrize("mode", MODES)
async def test_every_version_is_stored_when_a_run_ends(
    saver: VersionedRedisSaver, source: RedisSource, mode: Any
) -> None:
    await _graph(saver).ainvoke({"n": 0}, config("t", run_id="r"), durability=mode)

    fresh = VersionedRedisSaver(source=source)
    kept = [
        found.checkpoint["channel_values"]["n"]
        async for found in fresh.alist(config("t"))
        if found.metadata["step"] >= 0
    ]
    assert kept == ([*range(STEPS, -1, -1)] if mode != "exit" else [STEPS])
    parents = [found.parent_config async for found in fresh.alist(config("t"))]
    assert [where and where["configurable"]["checkpoint_id"] for where in parents] == [
        *(await ids(fresh, config("t")))[1:],
        None,
    ]
    await fresh.adelete_for_runs(["r"])
    assert await ids(fresh, config("t")) == []


async def test_a_run_that_waits_for_each_version_finds_it_stored_at_its_next_step(
    saver: VersionedRedisSaver, source: RedisSource
) -> None:
    fresh = VersionedRedisSaver(source=source)
    seen = list[int]()

    async def look(n: int) -> None:
        seen.append((await state(fresh, config("t")))["n"])

    await _graph(saver, look).ainvoke({"n": 0}, config("t"), durability="sync")
    assert seen == [*range(STEPS)]


@pytest.mark.parametrize("mode", MODES)
async def test_a_run_that_was_overtaken_ends_with_a_conflict(
    saver: VersionedRedisSaver, source: RedisSource, mode: Any
) -> None:
    other = VersionedRedisSaver(source=source)

    async def overtake(n: int) -> None:
        if n == 5:
            await put(other, "t", {"n": 100})

    with pytest.raises(Conflict):
        await _graph(saver, overtake).ainvoke({"n": 0}, config("t"), durability=mode)
    assert await state(other, config("t")) == {"n": 100}


@pytest.mark.parametrize("mode", MODES)
async def test_a_run_whose_connection_breaks_at_any_step_goes_on(
    saver: VersionedRedisSaver, source: RedisSource, mode: Any
) -> None:
    client: Any = source.client()

    async def cut(n: int) -> None:
        if n % 3 == 0:
            await asyncio.sleep(0)
            for wire in client._wires.values():
                wire._fail(LostConnection("cut"))

    ended = await _graph(saver, cut).ainvoke({"n": 0}, config("t"), durability=mode)
    assert ended == {"n": STEPS}
    assert await state(saver, config("t")) == {"n": STEPS}
    assert len(await ids(saver, config("t"))) == (STEPS + 2 if mode != "exit" else 1)


async def test_runs_on_many_threads_share_the_connection(saver: VersionedRedisSaver) -> None:
    graph = _graph(saver)
    await asyncio.gather(*(graph.ainvoke({"n": 0}, config(f"t{n}")) for n in range(30)))

    assert [(await state(saver, config(f"t{n}")))["n"] for n in range(30)] == [STEPS] * 30
