"""The tool calls of a thread as the ledger keeps them."""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from twintrack.core.tool_calls import ToolUse
from twintrack.memory.checkpoint_storage import CheckpointStorage, thread_key
from twintrack.memory.records import digest

State = Literal["done", "failed", "running", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallRecord:
    """One tool call that changed something outside, or may have."""

    number: int
    """Counts the calls of the thread."""
    tool: str
    agent: str
    arguments: str
    """As JSON, personal data masked, cut when long."""
    digest: str
    """The same for the same user, tool and arguments."""
    state: State
    """`unknown`: it was started and never reported back."""
    version: str
    """Version of the thread from which the step that made it went on."""
    last_version: str
    """The same, of the last step that its result was handed to."""
    started_at: str
    """ISO 8601."""
    seconds: float
    """How long it took; 0 where it is not known."""
    replays: int
    """How often its result was handed out again instead of calling again."""

    def is_between(self, since: str, until: str = "~") -> bool:
        """Tell whether it was made, or last counted, from version `since` on and before `until`."""
        return since <= self.version < until or since <= self.last_version < until

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return asdict(self)


async def recorded(storage: CheckpointStorage, thread_id: str) -> list[ToolCallRecord]:
    """Return the calls of a thread, oldest first."""
    ledger = thread_key(thread_id, "ledger")
    numbers = sorted(int(name) for name in await storage.command("HKEYS", ledger) if name.isdigit())
    if not numbers:
        return []
    seconds, micros = await storage.command("TIME")
    now = int(seconds) * 1000 + int(micros) // 1000
    raw = await storage.command("HMGET", ledger, *numbers)
    return [_record(number, json.loads(row), now) for number, row in zip(numbers, raw, strict=True) if row]


def digest_of(use: ToolUse) -> str:
    """Return what the same call always gets."""
    arguments = json.dumps(use.arguments, sort_keys=True, ensure_ascii=True, default=str)
    return digest(use.identity.tenant_id, use.identity.user_id, use.tool, arguments)


def moment(milliseconds: float) -> str:
    """Return a moment as ISO 8601, in UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")


def _record(number: int, row: dict[str, Any], now: int) -> ToolCallRecord:
    return ToolCallRecord(
        number=number,
        tool=row["tool"],
        agent=row["agent"],
        arguments=row["preview"],
        digest=row["what"],
        state=_state(row, now),
        version=row["made_at"],
        last_version=row["at"],
        started_at=moment(row["started"]),
        seconds=round((row["ended"] - row["started"]) / 1000, 3) if "ended" in row else 0.0,
        replays=int(row["replays"]),
    )


def _state(row: dict[str, Any], now: int) -> State:
    if row["state"] == "started":
        return "running" if row["until"] >= now else "unknown"
    state: State = row["state"]
    return state
