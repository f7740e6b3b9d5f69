"""Redis dies at its work, more than once: what it acknowledged is there afterwards, and runs go on to the right end."""

import asyncio
import operator
import os
import signal
from collections import defaultdict
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

import pytest
from langgraph.errors import EmptyInputError
from langgraph.graph import START, StateGraph
from typing_extensions import TypedDict

from twintrack.core.errors import Unavailable
from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import RedisSettings
from twintrack.memory.checkpoints import VersionedRedisSaver

pytestmark = pytest.mark.slow

RUNS, AT_ONCE, NODES = 200, 32, 4
KILLS = (100, 350, 650, 900)
"""Acknowledged versions at which the server is killed."""


class Words(TypedDict, total=False):
    words: Annotated[list[str], operator.add]


class Noting(VersionedRedisSaver):
    """Notes what was acknowledged, and kills the server now and then, whatever is under way."""

    def __init__(self, data_dir: Path, **options: Any) -> None:
        super().__init__(**options)
        self.pid_file = data_dir / "redis" / "redis.pid"
        self.acknowledged: dict[str, set[str]] = defaultdict(set)
        self.count, self.killed = 0, set[int]()

    async def aput(self, config: Any, checkpoint: Any, metadata: Any, *rest: Any, **options: Any) -> Any:
        stored = await super().aput(config, checkpoint, metadata, *rest, **options)
        where = stored["configurable"]
        if metadata["source"] == "loop":  # a run does not wait for its input's own before it takes its first step
            self.acknowledged[where["thread_id"]].add(where["checkpoint_id"])
        self.count += 1
        if self.count in KILLS:
            pid = int(self.pid_file.read_text())
            os.kill(pid, signal.SIGKILL)
            self.killed.add(pid)
        return stored


@pytest.fixture
async def source(tmp_path: Path) -> AsyncIterator[RedisSource]:
    source = RedisSource(RedisSettings.model_validate({"data_dir": tmp_path}))
    yield source
    await source.aclose()


def _graph(saver: VersionedRedisSaver) -> Any:
    builder: Any = StateGraph(Words)
    for at in range(NODES):

        async def work(_: Words, at: int = at) -> Words:
            return {"words": [f"n{at}"]}

        builder.add_node(f"n{at}", work)
        builder.add_edge(f"n{at - 1}" if at else START, f"n{at}")
    return builder.compile(checkpointer=saver)


async def _to_its_end(graph: Any, thread: str, limit: asyncio.Semaphore) -> None:
    """Run, and after each failure go on from what is stored."""
    config, given = {"configurable": {"thread_id": thread}}, None
    async with limit:
        while True:
            try:
                await graph.ainvoke(given, config, durability="sync")
                return
            except EmptyInputError:
                given = {"words": ["in"]}
            except Unavailable:
                given = None


@pytest.mark.parametrize("seconds", [10.0, 0.02], ids=["commands are tried again", "commands give up at once"])
async def test_nothing_acknowledged_is_lost_and_every_run_ends_right(
    source: RedisSource, tmp_path: Path, seconds: float
) -> None:
    await source.client().ping()
    impatient = RedisSource(RedisSettings.model_validate({"data_dir": tmp_path, "timeout_s": seconds}))
    saver = Noting(tmp_path, source=impatient, single_writer=True)
    graph, limit = _graph(saver), asyncio.Semaphore(AT_ONCE)
    threads = [f"t{n}" for n in range(RUNS)]

    # How many runs fail depends on how quickly the server is back: on a quiet machine it can be none.
    await asyncio.gather(*(_to_its_end(graph, thread, limit) for thread in threads))
    await impatient.aclose()

    assert len(saver.killed) == len(KILLS)
    fresh = VersionedRedisSaver(source=source)
    for thread in threads:
        await _is_whole(fresh, thread, saver.acknowledged[thread])


async def _is_whole(saver: VersionedRedisSaver, thread: str, acknowledged: set[str]) -> None:
    config: Any = {"configurable": {"thread_id": thread, "checkpoint_ns": ""}}
    versions = {found.checkpoint["id"]: found async for found in saver.alist(config)}
    assert acknowledged <= set(versions)
    head = await saver.aget_tuple(config)
    assert head
    assert head.checkpoint["id"] == max(versions)
    assert head.checkpoint["channel_values"]["words"] == ["in", *(f"n{at}" for at in range(NODES))]
    walked, at = 1, head
    while at.parent_config:
        at = versions[at.parent_config["configurable"]["checkpoint_id"]]
        walked += 1
    assert walked == NODES + 2
    assert [found.metadata["step"] for found in versions.values()] == list(range(NODES, -2, -1))
