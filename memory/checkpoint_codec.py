"""LangGraph's checkpoints, configs and writes to and from what is stored."""

from collections.abc import Mapping
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    PendingWrite,
    get_checkpoint_id,
    get_checkpoint_metadata,
)
from langgraph.checkpoint.serde.base import SerializerProtocol

from twintrack.core.errors import TwintrackError
from twintrack.memory.checkpoint_entries import Put, Stored
from twintrack.memory.checkpoint_flights import Pace
from twintrack.memory.checkpoint_lists import LIST_BYTES, Listed, Pieces, in_pieces
from twintrack.memory.checkpoint_rows import Row, Typed, Write, blob_name, tag
from twintrack.memory.checkpoint_serializer import CheckpointSerializer
from twintrack.memory.checkpoint_usage import spent

_NEW: Any = (object(), None)


def thread_and_space(config: RunnableConfig) -> tuple[str, str]:
    """Return the thread id and namespace a config names; the root namespace is empty."""
    where = config["configurable"]
    return str(where["thread_id"]), where.get("checkpoint_ns") or ""


def config_of(thread_id: str, ns: str, checkpoint_id: str) -> RunnableConfig:
    """Return the config that names one checkpoint."""
    return {"configurable": {"thread_id": thread_id, "checkpoint_ns": ns, "checkpoint_id": checkpoint_id}}


def pack_checkpoint(
    serde: SerializerProtocol,
    config: RunnableConfig,
    checkpoint: Checkpoint,
    metadata: CheckpointMetadata,
    new_versions: ChannelVersions,
    *,
    packed: Mapping[str, tuple[Any, Typed]],
    single_writer: bool = False,
) -> Put:
    """Return a checkpoint as it will be stored: channel values apart, only those whose version moved."""
    ns, values = thread_and_space(config)[1], checkpoint["channel_values"]
    full: dict[str, Any] = {**get_checkpoint_metadata(config, metadata), **spent(config)}
    changed = {name: blob_name(ns, name, version) for name, version in new_versions.items()}
    body = {name: value for name, value in checkpoint.items() if name != "channel_values"}
    return Put(
        ns=ns,
        checkpoint_id=checkpoint["id"],
        row=Row(
            parent=get_checkpoint_id(config) or "",
            checkpoint=serde.dumps_typed(body),
            metadata=serde.dumps_typed(full),
            names=[blob_name(ns, name, version) for name, version in checkpoint["channel_versions"].items()],
            delta_tags=[tag(name) for name in full.get("counters_since_delta_snapshot", {})],
        ),
        blobs={
            blob: _packed_already(values[name], *packed.get(name, _NEW)) or pack_value(serde, values[name])
            for name, blob in changed.items()
            if name in values
        },
        empty=[blob for name, blob in changed.items() if name not in values],
        run_id=str(full.get("run_id", "")),
        expect=expected_head(config, metadata) if single_writer else None,
    )


def expected_head(config: RunnableConfig, metadata: CheckpointMetadata) -> str | None:
    """Return the parent that has to be the newest; subgraphs, forks and updates may start further back.

    With `allow_fork` new input may too; what follows it then has to follow it.
    """
    where, source = config["configurable"], metadata.get("source")
    if where.get("checkpoint_ns") or source in ("fork", "update") or (source == "input" and where.get("allow_fork")):
        return None
    return get_checkpoint_id(config) or ""


def pace_of(config: RunnableConfig, metadata: CheckpointMetadata) -> Pace:
    """Return how a version may leave: a run goes on without its input's answer, and with sync durability no other's."""
    if metadata.get("source") == "input":
        return "held"
    return "alone" if config["configurable"].get("__pregel_durability") == "sync" else "at once"


def unpack_checkpoint(serde: SerializerProtocol, thread_id: str, found: Stored) -> CheckpointTuple:
    """Return a stored checkpoint as LangGraph reads it."""
    row = found.row
    body = serde.loads_typed(row.checkpoint)
    blobs = zip(body["channel_versions"], found.blobs, strict=True)
    body["channel_values"] = {name: unpack_value(serde, blob) for name, blob in blobs if blob is not None}
    return CheckpointTuple(
        config=config_of(thread_id, found.ns, found.checkpoint_id),
        checkpoint=body,
        metadata=serde.loads_typed(row.metadata),
        parent_config=config_of(thread_id, found.ns, row.parent) if row.parent else None,
        pending_writes=[unpack_write(serde, write) for write in found.writes],
    )


def pack_value(serde: SerializerProtocol, value: Any) -> Typed | Listed:
    """Return one channel's value as it will be stored: a long list in pieces, anything else whole."""
    if type(value) is not list or not isinstance(serde, CheckpointSerializer):
        return serde.dumps_typed(value)
    packed = serde.split(value)
    if sum(map(len, packed)) < LIST_BYTES:
        return serde.dumps_typed(value)
    return in_pieces(packed, serde.list_kind, serde.digest, serde.seal)


def _packed_already(value: Any, written: Any, packed: Typed | None) -> Typed | None:
    """Return the value as a task's write has it; a long list is stored in pieces here, and whole there."""
    if packed is None or written is not value or (type(value) is list and len(packed[1]) >= LIST_BYTES):
        return None
    return packed


def unpack_value(serde: SerializerProtocol, value: Typed | Pieces) -> Any:
    """Return one channel's value."""
    if not isinstance(value, Pieces):
        return serde.loads_typed(value)
    if not isinstance(serde, CheckpointSerializer):
        raise TwintrackError("This serializer cannot read long lists.", fix="leave `serde` as the saver set it")
    return serde.join(value.kind, value.bodies)


def unpack_write(serde: SerializerProtocol, write: Write) -> PendingWrite:
    """Return a stored write as LangGraph reads it."""
    return (write.task_id, write.channel, serde.loads_typed(write.value))
