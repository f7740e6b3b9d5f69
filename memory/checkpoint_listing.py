"""Which checkpoints a listing shows."""

from collections.abc import Mapping
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.serde.base import SerializerProtocol

from twintrack.memory.checkpoint_rows import place
from twintrack.memory.checkpoint_storage import CheckpointStorage, pages

PAGE = 256


async def names_of(
    storage: CheckpointStorage, thread_id: str, config: RunnableConfig | None, before: RunnableConfig | None
) -> list[bytes]:
    """Return the names of the checkpoints that the config means, newest first."""
    where = config["configurable"] if config else {}
    # The server hands over the bare inner dict.
    cursor: Any = (before or {}).get("configurable", before) or {}
    names = await storage.members(thread_id, where.get("checkpoint_ns"), cursor.get("checkpoint_id"))
    only = where.get("checkpoint_id")
    return names if not only else [name for name in names if place(name)[1] == only]


async def matching(
    storage: CheckpointStorage,
    serde: SerializerProtocol,
    thread_id: str,
    names: list[bytes],
    wanted: Mapping[str, Any],
    limit: int | None,
) -> list[bytes]:
    """Return the names of those whose metadata say this, no more than a page beyond the limit."""
    kept: list[bytes] = []
    for page in pages(names, PAGE):
        if limit is not None and len(kept) >= limit:
            break
        for name, row in zip(page, await storage.rows(thread_id, page), strict=True):
            metadata = serde.loads_typed(row.metadata) if row else {}
            if row and all(metadata.get(label) == value for label, value in wanted.items()):
                kept.append(name)
    return kept
