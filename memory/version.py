"""What is told of one version of a thread."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from langgraph.types import StateSnapshot

from twintrack.memory.checkpoint_usage import USAGE
from twintrack.memory.ledger_rows import ToolCallRecord
from twintrack.memory.rollback import ROLLED_BACK_TO


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One checkpoint of a thread's own graph."""

    id: str
    parent: str
    """Id of the version before, empty for the first."""
    created_at: str
    """ISO 8601."""
    step: int
    source: str
    """What made it: `input`, `loop`, `update`, `fork` or `rollback`."""
    next: list[str]
    """Nodes that run when the thread goes on from here."""
    route: str
    """Track the turn took, empty before it is chosen."""
    tokens: int
    """Tokens its run had read and written when it was stored."""
    usage: dict[str, int]
    """What its run had spent: tokens, model calls and tool calls; empty where nothing was counted."""
    actor: str
    """Who made it: the user of the run, or who rolled back."""
    reason: str
    """Why it was rolled back, else empty."""
    rolled_back_to: str
    """Version it went back to, else empty."""
    name: str
    """Name it was saved under, else empty."""
    is_head: bool
    """Whether the thread goes on from here."""
    already_done: list[ToolCallRecord] = field(default_factory=list)
    """Of a rollback: the tool calls that had happened after the version it went back to; they are not undone."""

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return asdict(self)


def version_of(
    snapshot: StateSnapshot, head: str, names: dict[str, str], calls: Sequence[ToolCallRecord] = ()
) -> Version:
    """Return what a snapshot says of its version."""
    metadata: dict[str, Any] = dict(snapshot.metadata or {})
    id_ = snapshot.config["configurable"]["checkpoint_id"]
    parent = (snapshot.parent_config or {}).get("configurable", {}).get("checkpoint_id", "")
    usage: dict[str, int] = metadata.get(USAGE) or {}
    rolled_back_to = metadata.get(ROLLED_BACK_TO, "")
    return Version(
        id=id_,
        parent=parent,
        created_at=snapshot.created_at or "",
        step=metadata.get("step", -1),
        source="rollback" if rolled_back_to else metadata.get("source", ""),
        next=[*snapshot.next],
        route=_route(snapshot.values, metadata),
        tokens=usage.get("input_tokens", 0) + usage.get("output_tokens", 0),
        usage=usage,
        actor=str(metadata.get("actor") or metadata.get("user_id") or ""),
        reason=str(metadata.get("reason", "")) if rolled_back_to else "",
        rolled_back_to=rolled_back_to,
        name=", ".join(name for name, named in names.items() if named == id_),
        is_head=id_ == head,
        already_done=[call for call in calls if rolled_back_to and call.is_between(rolled_back_to, id_)],
    )


def _route(values: Any, metadata: dict[str, Any]) -> str:
    decision = values.get("decision") if isinstance(values, dict) else None
    # A state that was posted from outside may hold anything.
    return str(decision.get("route", "") if isinstance(decision, dict) else metadata.get("route", ""))
