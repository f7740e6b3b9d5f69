"""Makes checkpoints for the tests of the saver."""

from typing import Any

from langgraph.checkpoint.base import Checkpoint
from langgraph.checkpoint.base.id import uuid6


def config(thread_id: str, ns: str = "", checkpoint_id: str = "", **metadata: Any) -> Any:
    where = {"thread_id": thread_id, "checkpoint_ns": ns}
    return {"configurable": where | ({"checkpoint_id": checkpoint_id} if checkpoint_id else {}), "metadata": metadata}


def checkpoint(values: dict[str, Any], version: str = "1", id_: str = "") -> Checkpoint:
    return {
        "v": 4,
        "id": id_ or str(uuid6()),
        "ts": "2026-01-01T00:00:00+00:00",
        "channel_values": values,
        "channel_versions": dict.fromkeys(values, version),
        "versions_seen": {},
        "updated_channels": None,
    }


async def put(
    saver: Any, thread: str, values: dict[str, Any], /, *, ns: str = "", parent: Any = None, **meta: Any
) -> Any:
    parent_id = parent["configurable"]["checkpoint_id"] if parent else ""
    new = checkpoint(values, version=str(uuid6()))
    where = config(thread, ns, parent_id)
    return await saver.aput(where, new, {"source": "loop", "step": 1, **meta}, new["channel_versions"])


async def state(saver: Any, where: Any) -> Any:
    found = await saver.aget_tuple(where)
    return found.checkpoint["channel_values"] if found else None


async def ids(saver: Any, where: Any, **options: Any) -> list[str]:
    return [found.config["configurable"]["checkpoint_id"] async for found in saver.alist(where, **options)]


def id_of(where: Any) -> str:
    return str(where["configurable"]["checkpoint_id"])
