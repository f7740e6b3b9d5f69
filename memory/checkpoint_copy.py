"""Copies one thread into another, without reading any version twice."""

from collections.abc import Callable

from twintrack.memory.checkpoint_rows import Row
from twintrack.memory.checkpoint_storage import PARTS, CheckpointStorage, pages, thread_keys

PAGE = 200


async def copy_thread(
    storage: CheckpointStorage, source: str, target: str, change: Callable[[Row], Row] = lambda row: row
) -> None:
    """Copy everything but the index of runs; the target shows nothing until all of it is there."""
    pairs = dict(zip(PARTS, zip(thread_keys(source), thread_keys(target), strict=True), strict=True))
    (ids, new_ids), rows = pairs["ids"], pairs["rows"]
    names = await storage.command("ZRANGE", ids, 0, -1)
    # Blobs before the items that they lead to: what a put adds meanwhile is then missing from neither.
    for part in ("blobs", "items", "writes", "info", "ledger"):
        await _copy_hash(storage, *pairs[part])
    await storage.command("HDEL", pairs["info"][1], "removing")  # what is being removed there is whole here
    copied: list[bytes] = []
    for page in pages(names, PAGE):
        raw = await storage.command("HMGET", rows[0], *page)
        # What was pruned since the names were read has no row any more.
        held = [(name, change(Row.unpack(row)).pack()) for name, row in zip(page, raw, strict=True) if row]
        if held:
            await storage.command("HSET", rows[1], *(item for pair in held for item in pair))
        copied += [name for name, _ in held]
    for page in pages(copied, 100_000):
        await storage.command("ZADD", new_ids, *[item for name in page for item in (0, name)])
    await storage.touch(target)


async def _copy_hash(storage: CheckpointStorage, source: bytes, target: bytes) -> None:
    async for found in storage.pages_of(source):
        for page in pages(found, PAGE):
            await storage.command("HSET", target, *(item for pair in page for item in pair))
