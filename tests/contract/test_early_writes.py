"""What is written to a version that never comes does not stay for good; what comes early is there when it comes."""

from typing import Any

import pytest
from langgraph.graph import START, StateGraph
from typing_extensions import TypedDict

from tests.contract.checkpoint_makers import checkpoint, config, put
from twintrack.core.context import Identity
from twintrack.core.errors import UnknownThread
from twintrack.core.redis_client import RedisSource
from twintrack.memory.checkpoint_storage import thread_key
from twintrack.memory.checkpoints import VersionedRedisSaver
from twintrack.memory.versions import Versions


class State(TypedDict, total=False):
    n: int


async def _note(_: State) -> State:
    return {"n": 1}


@pytest.fixture
def saver(source: RedisSource) -> VersionedRedisSaver:
    return VersionedRedisSaver(source=source)


async def _write_early(saver: VersionedRedisSaver) -> Any:
    """Write to a version that is not stored; return what could be stored as that version."""
    new = checkpoint({"n": 1})
    await saver.aput_writes(config("t", "", new["id"]), [("n", "early"), ("m", "early")], "task")
    return new


async def _an_hour_goes_by(saver: VersionedRedisSaver) -> None:
    early = (await saver.storage.info("t"))[b"early"].split(b"\n")
    aged = [b"%d %b" % (int(time) - 3600, name) for time, name in (each.split(b" ", 1) for each in early)]
    await saver.storage.command("HSET", thread_key("t", "info"), "early", b"\n".join(aged))


async def _held(saver: VersionedRedisSaver) -> int:
    return int(await saver.storage.command("HLEN", thread_key("t", "writes")))


async def test_writes_to_versions_that_never_come_are_bounded(saver: VersionedRedisSaver) -> None:
    for _ in range(250):
        last = await _write_early(saver)

    assert await _held(saver) == 100 * 3  # each version's two writes, and their names
    await saver.aput(config("t"), last, {"source": "loop", "step": 1}, {"n": "1"})
    found = await saver.aget_tuple(config("t"))
    assert found
    assert [value for _, _, value in found.pending_writes or ()] == ["early", "early"]


async def test_pruning_takes_them_once_they_are_old_and_leaves_those_that_may_still_come(
    saver: VersionedRedisSaver,
) -> None:
    await put(saver, "t", {"n": 1})
    came = await _write_early(saver)
    await _write_early(saver)
    await saver.aprune(["t"])
    assert await _held(saver) == 6

    await saver.aput(config("t"), came, {"source": "loop", "step": 1}, {"n": "1"})
    await _an_hour_goes_by(saver)
    await saver.aprune(["t"])
    assert await _held(saver) == 3
    assert b"early" not in await saver.storage.info("t")
    assert (await saver.aget_tuple(config("t"))).pending_writes  # type: ignore[union-attr] # it came


async def test_the_next_early_write_takes_them_too(saver: VersionedRedisSaver) -> None:
    await _write_early(saver)
    await _an_hour_goes_by(saver)
    await _write_early(saver)

    assert await _held(saver) == 3


async def test_a_thread_of_which_nothing_else_came_is_its_writers_and_is_erased_with_him(
    saver: VersionedRedisSaver, source: RedisSource
) -> None:
    builder: Any = StateGraph(State)
    builder.add_node("note", _note)
    builder.add_edge(START, "note")
    versions = Versions(builder.compile(checkpointer=saver))
    await saver.aput_writes(config("t", "", "1", user_id="ada"), [("n", 1)], "task")

    with pytest.raises(UnknownThread):
        await saver.aput_writes(config("t", "", "1", user_id="eve"), [("n", 2)], "task")
    assert await versions.erase(Identity("default", "ada")) == 1
    assert [key async for key in source.client().scan_iter()] == []
