"""Where checkpoints live in Redis: a fixed set of keys per thread, one script per operation.

A thread's keys share one hash tag, so any operation on it is atomic, on a cluster too:

* `ids`     sorted set of `namespace NUL checkpoint id`, sorted by name, so the largest id is the newest
* `rows`    hash of checkpoints without their channel values
* `blobs`   hash of channel values by channel and version: a value that did not change is stored once
* `writes`  hash of what tasks wrote
* `runs`    hash of the checkpoints each run made
* `info`    hash of the thread's owner and its named versions
* `items`   hash of what long lists consist of, each piece once
* `ledger`  hash of the tool calls that changed something outside
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence, Set
from contextlib import suppress
from functools import lru_cache
from itertools import chain
from typing import Any, TypeVar
from zlib import crc32

from twintrack.core.context import Identity
from twintrack.core.errors import Conflict, Unavailable, UnknownThread
from twintrack.core.keys import PREFIX, decode, encode
from twintrack.core.redis_errors import VENDOR_ERRORS, translate, translated
from twintrack.core.redis_wire import LANE, LANES, WiredRedis
from twintrack.memory import checkpoint_scripts as scripts
from twintrack.memory.checkpoint_entries import Put, Stored, blob_of, named, order
from twintrack.memory.checkpoint_heads import Heads
from twintrack.memory.checkpoint_lists import Known, Pieces
from twintrack.memory.checkpoint_refusals import lost, refusal
from twintrack.memory.checkpoint_rows import TAG_BYTES, Row, Typed, Write, member, part, place, tag
from twintrack.memory.checkpoint_runs import RunIndex

PARTS = ("ids", "rows", "blobs", "writes", "runs", "info", "ledger", "items")
MISSING = b""
"""The script's answer where something that a list relies on is not there; no run has this id."""
PAGE = 1000
"""Pieces read with one command."""
SCANNED = 200
"""Fields of a hash that one look through it asks for."""
ATTEMPTS = 3
"""Times a read is tried while others remove what it reads."""


Item = TypeVar("Item")


def pages(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """Yield the items, so many at a time."""
    return (items[start : start + size] for start in range(0, len(items), size))


@lru_cache(4096)
def thread_keys(thread_id: str) -> tuple[bytes, ...]:
    """Return the keys of one thread, all of them, in the order the scripts take them."""
    return tuple(f"{PREFIX}:checkpoint:{{{encode(thread_id)}}}:{name}".encode() for name in PARTS)


def thread_key(thread_id: str, name: str) -> bytes:
    """Return one key of a thread."""
    return thread_keys(thread_id)[PARTS.index(name)]


class CheckpointStorage:
    """Stores and reads checkpoints as bytes; knows no serializer and no graph."""

    def __init__(self, client: Callable[[], Any], *, ttl_ms: int | None = None, refresh_on_read: bool = True) -> None:
        self.client = client
        self._ttl = b"" if ttl_ms is None else b"%d" % ttl_ms
        self.ttl_on_read = self._ttl if refresh_on_read else b""
        self.runs = RunIndex(self.command, lambda thread_id: thread_key(thread_id, "runs"), self._ttl)
        self._known, self.heads = Known(), Heads()

    @property
    def ttl(self) -> bytes:
        """Return for how many milliseconds a thread lives on after it is written to, as the scripts take it."""
        return self._ttl

    @property
    def keeps_order(self) -> bool:
        """Tell whether commands reach the server in the order in which they are given."""
        client = self.client()
        return isinstance(client, WiredRedis) and client.keeps_order

    async def put(
        self, thread_id: str, puts: Sequence[Put], owner: Identity | None = None, written: Sequence[Write] = ()
    ) -> None:
        """Store checkpoints, all or none, and what was written to the first one's parent, in any case.

        Raises:
            Conflict: another run wrote first.
            UnknownThread: the thread is someone else's.
        """
        runs = {put.run_id for put in puts} - {""}
        parent = member(puts[0].ns, puts[0].row.parent) if written else b""
        head = [self._ttl, *who(owner), parent, b"%d" % len(written), *named(parent, written)]
        unindexed = self.runs.unknown(thread_id, runs)
        try:
            # The index first, so that no checkpoint is ever missing from the index of its run.
            if unindexed and not self.keeps_order:
                await self.runs.add(thread_id, unindexed)
            if unindexed and self.keeps_order:
                _, new = await asyncio.gather(self.runs.add(thread_id, unindexed), self._put(thread_id, puts, head))
            else:
                new = await self._put(thread_id, puts, head)
        except (Conflict, UnknownThread):
            with suppress(Unavailable):
                await self.runs.forget(thread_id, unindexed)
            raise
        await self.runs.add(thread_id, self.runs.lost(thread_id, new))
        self.runs.learn(thread_id, runs)
        for put in puts:
            if not put.ns:
                self.heads.learn(thread_id, put.checkpoint_id)
        await self.runs.let_live(thread_id)

    async def _put(self, thread_id: str, puts: Sequence[Put], head: list[bytes]) -> Any:
        """Send what is not known to be stored, and all of it where the server knows better."""

        def known(blob: bytes) -> Set[bytes]:
            return self._known.of(thread_id, blob[:TAG_BYTES])

        arguments = [item for put in puts for item in put.arguments(known)]
        # Before the answer: the next version may be on its way by then. What turns out not to be stored is sent again.
        for name, value in ((name, value) for put in puts for name, value in put.lists.items()):
            self._known.learn(thread_id, name[:TAG_BYTES], value.names)
        new = await self._run(scripts.PUT, thread_id, [*head, *arguments])
        if new == [MISSING]:
            arguments = [item for put in puts for item in put.arguments(lambda _: frozenset())]
            new = await self._run(scripts.PUT, thread_id, [*head, *arguments])
        return new

    async def write(
        self, thread_id: str, ns: str, checkpoint_id: str, writes: Sequence[Write], owner: Identity | None = None
    ) -> None:
        """Add writes to a checkpoint; special ones (negative index) replace, others keep what is there."""
        name = member(ns, checkpoint_id)
        await self._run(scripts.WRITES, thread_id, [self._ttl, *who(owner), name, *named(name, writes)])
        await self.runs.let_live(thread_id)

    async def get(
        self, thread_id: str, ns: str, checkpoint_id: str | None, owner: Identity | None = None
    ) -> Stored | None:
        """Return one checkpoint, or the newest of the namespace."""
        arguments = [part(ns), member(ns, checkpoint_id) if checkpoint_id else b"", self.ttl_on_read, *who(owner)]

        async def ask() -> list[Stored]:
            known = None if ns or checkpoint_id else self.heads.foreseen(thread_id, owner)
            [found] = known or (await self._run(scripts.GET, thread_id, arguments),)
            return [Stored.of(found)] if found else []

        stored = await self._filled(thread_id, ask)
        if not ns and not checkpoint_id:
            self.heads.learn(thread_id, stored[0].checkpoint_id if stored else "")
        for blob, value in (pair for each in stored for pair in each.lists.items()):
            self._known.learn(thread_id, blob[:TAG_BYTES], frozenset((*value.nodes, *value.names)))
        if stored and self.ttl_on_read:
            await self.runs.let_live(thread_id)
        return stored[0] if stored else None

    async def read(self, thread_id: str, names: Sequence[bytes]) -> list[Stored]:
        """Return the named checkpoints that are still there."""

        async def ask() -> list[Stored]:
            return [Stored.of(entry) for entry in await self._run(scripts.READ, thread_id, list(names)) if entry]

        return await self._filled(thread_id, ask)

    async def _filled(self, thread_id: str, ask: Callable[[], Awaitable[list[Stored]]]) -> list[Stored]:
        """Return what `ask` finds, with the pieces of its long lists; asks again where some went in the meantime."""
        for _ in range(ATTEMPTS):
            found = await ask()
            lists = [value for stored in found for value in stored.lists.values()]
            bodies = await self._pieces(thread_id, lists)
            if None not in bodies.values():
                return [stored.filled(bodies) for stored in found] if bodies else found
        raise lost(thread_id)

    async def _pieces(self, thread_id: str, lists: Iterable[Pieces]) -> dict[bytes, Any]:
        """Return what these lists lack, each piece once."""
        lacking = [*dict.fromkeys(name for value in lists for name in value.lacks)]
        items = thread_key(thread_id, "items")
        read = await asyncio.gather(*(self.command("HMGET", items, *page) for page in pages(lacking, PAGE)))
        return dict(zip(lacking, chain.from_iterable(read), strict=True))

    async def rows(self, thread_id: str, names: Sequence[bytes]) -> list[Row | None]:
        """Return the rows of the named checkpoints, without their channel values."""
        found = await self.command("HMGET", thread_keys(thread_id)[1], *names)
        return [Row.unpack(raw) if raw else None for raw in found]

    async def members(self, thread_id: str, ns: str | None, before: str | None) -> list[bytes]:
        """Return the names of a thread's checkpoints, newest first; None means every namespace."""
        ids = thread_keys(thread_id)[0]
        if ns is not None:
            top = member(ns, before) if before else part(ns) + b"\x01"
            return list(await self.command("ZREVRANGEBYLEX", ids, b"(" + top, b"[" + part(ns) + b"\0"))
        names = [(place(name)[1], name) for name in await self.command("ZRANGE", ids, 0, -1)]
        return [name for at, name in sorted(names, reverse=True) if not before or at < before]

    async def delta(
        self, thread_id: str, ns: str, checkpoint_id: str | None, channels: Sequence[str]
    ) -> tuple[dict[str, Typed | Pieces], list[list[Write]]]:
        """Return each channel's nearest stored value and the writes since, oldest super-step first."""
        name = member(ns, checkpoint_id) if checkpoint_id else b""
        tags = {tag(channel): channel for channel in channels}
        seeds, steps = await self._run(scripts.DELTA, thread_id, [part(ns), name, *tags])
        writes = [sorted(map(Write.unpack, step), key=order) for step in reversed(steps)]
        values = {tags[mark]: blob_of(raw) for mark, raw in seeds}
        bodies = await self._pieces(thread_id, (value for value in values.values() if isinstance(value, Pieces)))
        if None in bodies.values():
            raise lost(thread_id)
        return {
            channel: value.filled(bodies) if isinstance(value, Pieces) else value for channel, value in values.items()
        }, writes

    async def delete(self, thread_id: str) -> None:
        """Remove a thread and every trace of it."""
        names = await self._run(scripts.DELETE, thread_id, [])
        await self.runs.forget(thread_id, [name.decode() for name in names])

    async def touch(self, thread_id: str) -> None:
        """Let a thread live its whole time again."""
        await self._run(scripts.WRITES, thread_id, [self._ttl, b"", b"", b""])
        await self.runs.let_live(thread_id)

    async def info(self, thread_id: str) -> dict[bytes, bytes]:
        """Return a thread's owner and named versions."""
        flat = await self.command("HGETALL", thread_keys(thread_id)[5])
        return dict(flat) if isinstance(flat, dict) else dict(zip(flat[::2], flat[1::2], strict=True))

    async def pages_of(self, key: bytes) -> AsyncIterator[list[tuple[bytes, bytes]]]:
        """Yield what is in a hash, in pages; what is put meanwhile may be among it."""
        cursor: Any = 0
        while True:
            cursor, flat = await self.command("HSCAN", key, cursor, "COUNT", SCANNED)
            yield list(flat.items() if isinstance(flat, dict) else zip(flat[::2], flat[1::2], strict=True))
            if int(cursor) == 0:
                return

    async def name(self, thread_id: str, name: str, version: bytes) -> bool:
        """Give a version a name; False where another one has it."""
        info, field_ = thread_keys(thread_id)[5], f"name:{name}".encode()
        new = await self.command("HSETNX", info, field_, version)
        return bool(new) or await self.command("HGET", info, field_) == version

    async def threads(self, having: str = "ids") -> AsyncIterator[str]:
        """Yield the id of every thread; walks the whole key space, so nothing is ever missing or left behind."""
        async for found in self.client().scan_iter(match=f"{PREFIX}:checkpoint:*:{having}", count=1000):
            name = found.decode() if isinstance(found, bytes) else found
            yield decode(name[len(PREFIX) + len(":checkpoint:{") : -len(f"}}:{having}")])

    async def command(self, *words: Any, beside: str | None = None) -> Any:
        """Run one plain command, in order with a thread's scripts where one is named; replies are bytes."""
        options = scripts.BYTES if beside is None else self._lane(beside)
        async with translated():
            return await self.client().execute_command(*words, **options)

    def _lane(self, thread_id: str) -> dict[str, Any]:
        if not isinstance(self.client(), WiredRedis):
            return scripts.BYTES
        return {**scripts.BYTES, LANE: 1 + crc32(thread_keys(thread_id)[0]) % LANES}

    async def run_alone(
        self, script: scripts.Script, keys: Sequence[bytes], arguments: list[bytes], beside: str | None = None
    ) -> Any:
        """Run a script on some keys of one thread, in order with its other scripts where it is named."""
        async with translated():
            return await script.run(self.client(), keys, arguments, self._lane(beside) if beside else scripts.BYTES)

    async def run_whole(self, script: scripts.Script, thread_id: str, arguments: list[bytes]) -> Any:
        """Run a script on all keys of a thread."""
        return await self._run(script, thread_id, arguments)

    async def newest(self, thread_id: str) -> str:
        """Return the id of the newest version, empty where there is none."""
        ids = thread_key(thread_id, "ids")
        found = await self.command("ZREVRANGEBYLEX", ids, b"(\x01", b"[\0", "LIMIT", 0, 1)
        return place(found[0])[1] if found else ""

    async def count(self, thread_id: str) -> int:
        """Return how many versions there are."""
        return int(await self.command("ZLEXCOUNT", thread_key(thread_id, "ids"), b"[\0", b"(\x01"))

    async def _run(self, script: scripts.Script, thread_id: str, arguments: list[bytes]) -> Any:
        self.heads.unforesee(thread_id)
        try:
            return await script.run(self.client(), thread_keys(thread_id), arguments, self._lane(thread_id))
        except VENDOR_ERRORS as error:
            raise refusal(error, thread_id) or translate(error) from error


def who(owner: Identity | None) -> list[bytes]:
    """Return whose a thread has to be, as the scripts take it."""
    return [owner.tenant_id.encode(), owner.user_id.encode()] if owner else [b"", b""]
