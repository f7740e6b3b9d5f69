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

from twintrack.core.errors import Conflict, Unavailable
from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import RedisSettings
from twintrack.memory.checkpoints import VersionedRedisSaver

pytestmark = pytest.mark.slow

RUNS, AT_ONCE, NODES = 200, 32, 4
KILLS = {"sync": (100, 350, 650, 900), "async": (100, 350, 650, 900), "exit": (15, 60, 110, 160)}
"""Versions sent at which the server is killed."""
STORED = {"sync": NODES + 2, "async": NODES + 2, "exit": 1}
"""Versions that a run stores."""


class Words(TypedDict, total=False):
    words: Annotated[list[str], operator.add]


class Noting(VersionedRedisSaver):
    """Notes what was acknowledged, and kills the server now and then, whatever is under way."""

    def __init__(self, data_dir: Path, durability: str, **options: Any) -> None:
        super().__init__(**options)
        self.pid_file = data_dir / "redis" / "redis.pid"
        self.durability = durability
        self.acknowledged, self.sent, self.written = (defaultdict[str, set[str]](set) for _ in range(3))
        self.count, self.killed = 0, set[int]()

    async def aput(self, config: Any, checkpoint: Any, metadata: Any, *rest: Any, **options: Any) -> Any:
        stored = await super().aput(config, checkpoint, metadata, *rest, **options)
        where = stored["configurable"]
        self.sent[where["thread_id"]].add(where["checkpoint_id"])
        if self.durability == "sync" and metadata["source"] == "loop":
            self.acknowledged[where["thread_id"]].add(where["checkpoint_id"])
        self.count += 1
        if self.count in KILLS[self.durability]:
            pid = int(self.pid_file.read_text())
            os.kill(pid, signal.SIGKILL)
            self.killed.add(pid)
        return stored

    async def aput_writes(self, config: Any, *rest: Any, **options: Any) -> None:
        await super().aput_writes(config, *rest, **options)
        where = config["configurable"]
        self.written[where["thread_id"]].add(where["checkpoint_id"])

    def ended(self, thread: str, *, well: bool) -> None:
        """Count what a run sent as acknowledged: all where it returned, else what it went on from."""
        self.acknowledged[thread] |= self.sent[thread] if well else self.sent[thread] & self.written[thread]
        self.sent[thread].clear()
        self.written[thread].clear()


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


async def _to_its_end(graph: Any, thread: str, limit: asyncio.Semaphore) -> Any:
    """Return what the run returns; after each failure it goes on from what is stored, once it has returned never."""
    saver, given = graph.checkpointer, None
    async with limit:
        while True:
            try:
                async with saver.lease(thread, policy="queue"):
                    done = await graph.ainvoke(given, _at(thread), durability=saver.durability)
                saver.ended(thread, well=True)
                return done
            except EmptyInputError:
                given = {"words": ["in"]}
            except (Unavailable, Conflict):
                given = None
            saver.ended(thread, well=False)


def _at(thread: str) -> Any:
    return {"configurable": {"thread_id": thread, "checkpoint_ns": ""}}


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("durability", "seconds"),
    [("sync", 10.0), ("sync", 0.1), ("async", 10.0), ("async", 0.1), ("exit", 10.0), ("exit", 0.1)],
    ids=lambda value: value if isinstance(value, str) else "tried again" if value > 1 else "given up at once",
)
async def test_nothing_acknowledged_is_lost_and_every_run_ends_right(
    source: RedisSource, tmp_path: Path, durability: str, seconds: float
) -> None:
    await source.client().ping()
    impatient = RedisSource(RedisSettings.model_validate({"data_dir": tmp_path, "timeout_s": seconds}))
    saver = Noting(tmp_path, durability, source=impatient, single_writer=True)
    graph, limit = _graph(saver), asyncio.Semaphore(AT_ONCE)
    threads = [f"t{n}" for n in range(RUNS)]

    # How many runs fail depends on how quickly the server is back: on a quiet machine it can be none.
    done = await asyncio.gather(*(_to_its_end(graph, thread, limit) for thread in threads))
    await impatient.aclose()

    assert len(saver.killed) == len(KILLS[durability])
    assert sum(map(len, saver.acknowledged.values())) > RUNS * STORED[durability] / 2
    fresh = VersionedRedisSaver(source=source)
    for thread, returned in zip(threads, done, strict=True):
        assert returned == {"words": ["in", *(f"n{at}" for at in range(NODES))]}
        await _is_whole(fresh, thread, saver.acknowledged[thread], STORED[durability], returned)


async def _is_whole(
    saver: VersionedRedisSaver, thread: str, acknowledged: set[str], count: int, returned: dict[str, Any]
) -> None:
    versions = {found.checkpoint["id"]: found async for found in saver.alist(_at(thread))}
    assert acknowledged <= set(versions)
    head = await saver.aget_tuple(_at(thread))
    assert head
    assert head.checkpoint["id"] == max(versions)
    assert head.checkpoint["channel_values"]["words"] == returned["words"]
    walked, at = 1, head
    while at.parent_config:
        at = versions[at.parent_config["configurable"]["checkpoint_id"]]
        walked += 1
    assert walked == count
    assert [found.metadata["step"] for found in versions.values()] == list(range(NODES, -2, -1))[:count]
