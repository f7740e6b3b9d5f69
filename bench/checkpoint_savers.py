"""Opens the savers that the checkpoint bench compares, and weighs what a thread takes in each."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.redis.aio import AsyncRedisSaver

from twintrack.bench.postgres import NoPostgres, opened_saver
from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import RedisSettings
from twintrack.memory.checkpoints import VersionedRedisSaver

NONE, MEMORY, SQLITE, STOCK, POSTGRES, OURS = (
    "none",
    "InMemorySaver",
    "AsyncSqliteSaver",
    "AsyncRedisSaver",
    "AsyncPostgresSaver",
    "ours",
)
GIVEN_UP_S = 10.0
Weight = Callable[[str], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Side:
    """One saver in the race; the one without a saver is the graph alone."""

    name: str
    saver: Any = None
    weight: Weight | None = None
    """Returns the bytes a thread takes."""

    def held(self, thread_id: str) -> AbstractAsyncContextManager[None]:
        """Hold the thread for one run, as the application does, where the saver can."""
        return self.saver.lease(thread_id) if isinstance(self.saver, VersionedRedisSaver) else nullcontext()


@asynccontextmanager
async def opened_sides(folder: Path, postgres: str | None) -> AsyncIterator[tuple[list[Side], dict[str, str]]]:
    """Yield every saver that can be opened, and why the others cannot.

    Both Redis savers share one server, which writes each change to disk before it answers.
    """
    async with AsyncExitStack() as stack:
        source = RedisSource(RedisSettings.model_validate({"data_dir": folder, "max_connections": 256}))
        stack.push_async_callback(source.aclose)
        weight = partial(_in_redis, source)
        memory, stock = InMemorySaver(), AsyncRedisSaver(redis_client=source.client())
        await stock.asetup()
        sides = [
            Side(NONE),
            Side(MEMORY, memory, partial(_in_memory, memory)),
            Side(STOCK, stock, weight),
            Side(OURS, VersionedRedisSaver(source=source, single_writer=True), weight),
        ]
        missing: dict[str, str] = {}
        for name, opened in ((SQLITE, _sqlite(folder)), (POSTGRES, _postgres(postgres))):
            try:
                sides.append(await stack.enter_async_context(opened))
            except (ImportError, NoPostgres) as error:
                missing[name] = str(error)
        # A run that was given up may still be writing; a command after the end would start the server again.
        stack.push_async_callback(_ended)
        yield sides, missing


async def _ended() -> None:
    if others := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(others, timeout=GIVEN_UP_S)


@asynccontextmanager
async def _sqlite(folder: Path) -> AsyncIterator[Side]:
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

    async with AsyncSqliteSaver.from_conn_string(str(folder / "sqlite")) as saver:
        yield Side(SQLITE, saver, partial(_in_sqlite, saver))


@asynccontextmanager
async def _postgres(url: str | None) -> AsyncIterator[Side]:
    async with opened_saver(url) as saver:
        yield Side(POSTGRES, saver, partial(_in_postgres, saver))


async def _in_redis(source: RedisSource, thread_id: str) -> int:
    client: Any = source.client()
    names = [name async for name in client.scan_iter(match=f"*{thread_id}*", count=1000)]
    async with client.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.memory_usage(name, samples=0)
        return sum(size or 0 for size in await pipe.execute())


async def _in_memory(saver: InMemorySaver, thread_id: str) -> int:
    rows = [row for space in saver.storage.get(thread_id, {}).values() for row in space.values()]
    blobs = [blob for (thread, *_), blob in saver.blobs.items() if thread == thread_id]
    writes = [write[2] for (thread, *_), held in saver.writes.items() if thread == thread_id for write in held.values()]
    return sum(len(typed[1]) for typed in [*(part for row in rows for part in row[:2]), *blobs, *writes])


async def _in_sqlite(saver: Any, thread_id: str) -> int:
    rows = "SELECT length(checkpoint) + length(metadata) AS size FROM checkpoints WHERE thread_id = :thread"
    writes = "SELECT length(value) FROM writes WHERE thread_id = :thread"
    query = f"SELECT coalesce(sum(size), 0) FROM ({rows} UNION ALL {writes})"  # noqa: S608 - constants
    async with saver.conn.execute(query, {"thread": thread_id}) as cursor:
        return int((await cursor.fetchone())[0])


async def _in_postgres(saver: Any, thread_id: str) -> int:
    sizes = " UNION ALL ".join(
        f"SELECT pg_column_size(t) AS size FROM {table} t WHERE thread_id = %(thread)s"  # noqa: S608 - constants
        for table in ("checkpoints", "checkpoint_blobs", "checkpoint_writes")
    )
    query = f"SELECT coalesce(sum(size), 0) AS size FROM ({sizes}) AS sizes"  # noqa: S608 - constants
    async with saver.conn.cursor() as cursor:
        await cursor.execute(query, {"thread": thread_id})
        return int((await cursor.fetchone())["size"])
