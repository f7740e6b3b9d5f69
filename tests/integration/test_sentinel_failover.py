"""The master dies: a Sentinel puts the replica in its place, and a thread goes on there by itself."""

import asyncio
import operator
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from subprocess import DEVNULL, Popen
from typing import Annotated, Any

import pytest
from langgraph.errors import EmptyInputError
from langgraph.graph import START, StateGraph
from redis import Redis
from redis.exceptions import RedisError
from typing_extensions import TypedDict

from tests.contract.checkpoint_makers import config, ids, put, state
from tests.ports import free_port
from twintrack.core.errors import Conflict, Unavailable
from twintrack.core.redis_binaries import find_server
from twintrack.memory.checkpoints import VersionedRedisSaver

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


class Words(TypedDict, total=False):
    words: Annotated[list[str], operator.add]


class Watched:
    """A master with a replica, and a Sentinel that watches them."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder, self._stack = folder, stack
        self._program = str(find_server(folder / "bin").executable)
        self.master, self.replica, self.sentinel = free_port(), free_port(), free_port()
        self._process = self._run(self.master, "--min-replicas-max-lag", "1")
        self._run(self.replica, "--replicaof", "127.0.0.1", str(self.master), "--repl-diskless-sync-delay", "0")
        file = folder / "sentinel.conf"
        file.write_text(
            f"sentinel monitor watched 127.0.0.1 {self.master} 1\nsentinel down-after-milliseconds watched 500\n"
            "sentinel failover-timeout watched 3000\n"
        )
        self._run(self.sentinel, "--sentinel", configuration=file)
        self.url = f"redis+sentinel://127.0.0.1:{self.sentinel}/watched/0"

    def _run(self, port: int, *words: str, configuration: Path | None = None) -> "Popen[bytes]":
        data = self._folder / str(port)
        data.mkdir()
        given = [str(configuration)] if configuration else []
        command = [self._program, *given, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(data), *words]
        process = Popen(command, stdout=DEVNULL, start_new_session=True)
        self._stack.callback(process.wait)
        self._stack.callback(process.kill)
        return process

    async def until_watched(self) -> None:
        """Wait until the Sentinel knows the replica, which has all that the master has."""
        async with asyncio.timeout(60):
            await asyncio.to_thread(self._wait_for_a_fresh_replica)

    def _wait_for_a_fresh_replica(self) -> None:
        while not self._knows_a_fresh_replica():
            time.sleep(0.05)

    def _knows_a_fresh_replica(self) -> bool:
        try:
            with Redis(port=self.sentinel) as sentinel, Redis(port=self.master) as master:
                return bool(sentinel.execute_command("SENTINEL REPLICAS", "watched") and master.wait(1, 100))
        except RedisError:
            return False

    def lose_the_master(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture
def watched(tmp_path: Path, redis_url: str) -> Iterator[Watched]:
    with ExitStack() as stack:
        yield Watched(tmp_path, stack)


async def _tried_again(work: Any) -> Any:
    async with asyncio.timeout(120):
        while True:
            try:
                return await work()
            except (Unavailable, Conflict):
                pass  # no master for the moment, or one that had not heard of the last version
            await asyncio.sleep(0.1)


async def test_a_thread_goes_on_at_the_new_master_with_all_it_had(watched: Watched) -> None:
    async with VersionedRedisSaver.from_conn_string(watched.url, single_writer=True) as saver:
        stored = await _tried_again(lambda: put(saver, "t", {"n": 0}))
        for n in range(1, 20):
            stored = await put(saver, "t", {"n": n}, parent=stored)
        await watched.until_watched()
        before = await ids(saver, config("t"))
        watched.lose_the_master()

        await _tried_again(lambda: put(saver, "t", {"n": 20}, parent=stored))
        assert (await ids(saver, config("t")))[1:] == before
        assert await state(saver, config("t")) == {"n": 20}
    with Redis(port=watched.replica) as new:
        assert new.role()[0] == b"master"


async def test_runs_under_way_end_right_at_the_new_master(watched: Watched) -> None:
    async with VersionedRedisSaver.from_conn_string(watched.url, single_writer=True) as saver:
        builder: Any = StateGraph(Words)
        for at in range(6):

            async def work(_: Words, at: int = at) -> Words:
                await asyncio.sleep(0.02)
                return {"words": [f"n{at}"]}

            builder.add_node(f"n{at}", work)
            builder.add_edge(f"n{at - 1}" if at else START, f"n{at}")
        graph = builder.compile(checkpointer=saver)
        await _tried_again(lambda: put(saver, "first", {}))
        await watched.until_watched()

        async def run(thread: str) -> Any:
            try:
                return await graph.ainvoke(None, config(thread), durability="sync")
            except EmptyInputError:
                return await graph.ainvoke({"words": ["in"]}, config(thread), durability="sync")

        runs = [asyncio.create_task(_tried_again(lambda n=n: run(f"t{n}"))) for n in range(10)]
        await asyncio.sleep(0.05)
        await asyncio.to_thread(watched.lose_the_master)
        done = await asyncio.gather(*runs)
        assert done == [{"words": ["in", *(f"n{at}" for at in range(6))]}] * 10
