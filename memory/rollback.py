"""What going back to a version stores: a new newest version of the thread and of each subgraph that remembers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from langgraph.checkpoint.base.id import uuid6
from langgraph.checkpoint.serde.base import SerializerProtocol

from twintrack.core.errors import Conflict
from twintrack.memory.checkpoint_entries import Put
from twintrack.memory.checkpoint_rows import Row, member, place
from twintrack.memory.checkpoint_storage import CheckpointStorage
from twintrack.memory.checkpoint_usage import USAGE

ROLLED_BACK_TO = "rolled_back_to"
"""Key of a version's metadata: the version it went back to."""
_PER_RUN = ("run_id", USAGE, ROLLED_BACK_TO, "reason", "actor")


@dataclass(frozen=True, slots=True)
class Rollback:
    """One decision to go back."""

    thread_id: str
    to: str
    reason: str
    actor: str
    labels: Mapping[str, Any] = field(default_factory=dict)
    """Further metadata of the new version."""
    head: str = ""
    """The newest version there may be; without it, whichever is."""


async def roll_back(storage: CheckpointStorage, serde: SerializerProtocol, rollback: Rollback) -> str:
    """Store the versions that make `to` the state the thread goes on from, all or none; return the new id.

    Raises:
        Conflict: a run wrote to the thread in the meantime, or the version was removed.
    """
    thread_id = rollback.thread_id
    names = await storage.members(thread_id, None, None)
    target, moves = member("", rollback.to), _moves(names, rollback.to)
    wanted = [target, *(now for now, _ in moves), *(then for _, then in moves if then)]
    rows = dict(zip(wanted, await storage.rows(thread_id, wanted), strict=True))
    puts = [_child(serde, rows, now, then) for now, then in moves]
    why = {**rollback.labels, ROLLED_BACK_TO: rollback.to, "reason": rollback.reason, "actor": rollback.actor}
    # The root last, so that it is newer than what its subgraphs go back to.
    head = _again(serde, "", _there(rows, target), why)
    head = replace(head, shares=target, expect=rollback.head or _newest_root(names))
    await storage.put(thread_id, [*puts, head])
    return head.checkpoint_id


def _moves(names: Sequence[bytes], root_id: str) -> list[tuple[bytes, bytes | None]]:
    """Return each remembering subgraph's newest checkpoint, and the one it had when the thread stood at `root_id`.

    A colon marks a namespace that belongs to one task of one run: nothing goes back into it.
    """
    spaces: dict[str, list[bytes]] = {}
    for name in names:
        spaces.setdefault(place(name)[0], []).append(name)
    pairs = [(held[0], head_at(held, root_id)) for ns, held in spaces.items() if ns and ":" not in ns]
    return [(now, then) for now, then in pairs if now != then]


def _child(serde: SerializerProtocol, rows: Mapping[bytes, Row | None], now: bytes, then: bytes | None) -> Put:
    row = _there(rows, then) if then else _emptied(serde, _there(rows, now))
    return replace(_again(serde, place(now)[0], row, {}), shares=then or b"")


def _there(rows: Mapping[bytes, Row | None], name: bytes) -> Row:
    row = rows[name]
    if row is None:
        raise Conflict("A version was removed in the meantime.", fix="list the versions and choose again")
    return row


def head_at(names: Sequence[bytes], root_id: str) -> bytes | None:
    """Return which of a subgraph's checkpoints was its newest when the thread stood at `root_id`."""
    return next((name for name in names if place(name)[1] < root_id), None)


def _newest_root(names: Iterable[bytes]) -> str:
    return max(id_ for ns, id_ in map(place, names) if not ns)


def _again(serde: SerializerProtocol, ns: str, row: Row, why: dict[str, Any]) -> Put:
    """Return the same checkpoint under a new id: same parent, same channel versions, so the same values."""
    body = serde.loads_typed(row.checkpoint)
    metadata = {label: value for label, value in serde.loads_typed(row.metadata).items() if label not in _PER_RUN}
    new_id = str(uuid6())
    body |= {"id": new_id, "ts": datetime.now(UTC).isoformat()}
    packed = replace(row, checkpoint=serde.dumps_typed(body), metadata=serde.dumps_typed(metadata | why))
    return Put(ns, new_id, packed)


def _emptied(serde: SerializerProtocol, row: Row) -> Row:
    """Return a checkpoint from which a subgraph begins anew."""
    nothing: dict[str, Any] = {"channel_versions": {}, "versions_seen": {}, "updated_channels": None}
    body = serde.loads_typed(row.checkpoint) | nothing
    metadata = serde.loads_typed(row.metadata) | {"step": -2}
    metadata.pop("counters_since_delta_snapshot", None)
    return Row(parent="", checkpoint=serde.dumps_typed(body), metadata=serde.dumps_typed(metadata))
