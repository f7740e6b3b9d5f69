"""The record of what was decided about each tool call: when, for whom, by which rule or person."""

import json
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Protocol

from twintrack.core.audit_queue import AuditQueue
from twintrack.core.context import Identity
from twintrack.core.keys import key
from twintrack.core.redis_client import RedisSource
from twintrack.core.redis_wire import together
from twintrack.core.settings import AuditSettings

By = Literal["policy", "person", "time-out"]

_PAGE = 500
_FIELD = b"d"
_ADD = """for at = 4, #ARGV do redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 'd', ARGV[at]) end
redis.call('XTRIM', KEYS[1], 'MINID', '~', ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[2])"""
"""Notes decisions and lets old ones go. ARGV: how many to keep, seconds, the oldest id, then the decisions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One decision; the values of a call's arguments are not in it."""

    tenant: str
    user: str
    thread: str
    trace: str
    """Trace of the turn, or the run's id where it is not traced."""
    agent: str
    tool: str
    arguments: str
    """Digest of the masked arguments: equal calls have the same."""
    decision: str
    why: str
    by: By
    at: str = ""
    """When, in ISO 8601; filled in where it is written down."""


class AuditLog(Protocol):
    """Takes decisions down without holding up who decides."""

    def write(self, decision: Decision) -> None:
        """Queue one decision."""
        ...


class RedisAudit:
    """One capped stream per tenant."""

    def __init__(self, source: RedisSource, settings: AuditSettings) -> None:
        self._source = source
        self._keep = settings.keep
        self._seconds = int(settings.keep_days * 86_400)
        self._queue = AuditQueue(self._add)
        self._latest = datetime.fromtimestamp(0, UTC)

    @property
    def waiting(self) -> int:
        """Return how many decisions are not written yet."""
        return self._queue.waiting

    @property
    def lost(self) -> int:
        """Return how many decisions never reached the record."""
        return self._queue.lost

    def write(self, decision: Decision) -> None:
        """Queue one decision; it waits for a Redis that does not answer, and no run waits for it."""
        if self._keep:
            # No two of a process have the same moment, so that one written twice is told from two that are equal.
            self._latest = max(datetime.now(UTC), self._latest + timedelta(microseconds=1))
            self._queue.put(replace(decision, at=self._latest.isoformat(timespec="microseconds")))

    async def list(
        self, identity: Identity, *, thread: str | None = None, everyone: bool = False, limit: int = 100
    ) -> list[Decision]:
        """Return decisions about a user's calls, newest first; with `everyone`, those of the whole tenant.

        One that was written again, because nobody acknowledged it the first time, is given once.
        """
        found: dict[Decision, None] = {}
        async for _, one in self._newest(identity.tenant_id):
            if (everyone or one.user == identity.user_id) and thread in (None, one.thread):
                found[one] = None
            if len(found) >= limit:
                break
        return [*found]

    async def erase(self, identity: Identity) -> int:
        """Delete all of a user's decisions and return how many there were."""
        await self._queue.drop(lambda one: (one.tenant, one.user) == (identity.tenant_id, identity.user_id))
        own = [entry async for entry, one in self._newest(identity.tenant_id) if one.user == identity.user_id]
        client = self._source.client()
        for start in range(0, len(own), _PAGE):
            await client.xdel(_stream(identity.tenant_id), *own[start : start + _PAGE])
        return len(own)

    async def flush(self) -> None:
        """Write what this loop has queued, where Redis takes it now."""
        await self._queue.flush()

    async def aclose(self) -> None:
        """Write what this loop has queued; what Redis does not take now is lost."""
        await self._queue.aclose()

    async def _add(self, decisions: Sequence[Decision]) -> None:
        oldest = int((time.time() - self._seconds) * 1000)
        told: dict[str, list[str]] = {}
        for one in decisions:
            row = {name: value for name, value in asdict(one).items() if value}
            told.setdefault(one.tenant, []).append(json.dumps(row, ensure_ascii=False))
        numbers = (str(self._keep), str(self._seconds), str(oldest))
        await together(
            self._source.client(),
            [("EVAL", _ADD, 1, _stream(tenant), *numbers, *rows) for tenant, rows in told.items()],
        )

    async def _newest(self, tenant: str) -> AsyncIterator[tuple[bytes, Decision]]:
        client: Any = self._source.client()
        end = "+"
        while rows := await client.xrevrange(_stream(tenant), max=end, count=_PAGE):
            for entry, fields in rows:
                yield entry, _read(entry, fields)
            end = f"({rows[-1][0].decode()}"


def _stream(tenant: str) -> str:
    return key("audit", tenant)


def _read(entry: bytes, fields: dict[bytes, bytes]) -> Decision:
    known: dict[str, Any] = dict.fromkeys(Decision.__slots__, "")
    at = datetime.fromtimestamp(int(entry.split(b"-")[0]) / 1000, UTC).isoformat(timespec="milliseconds")
    return Decision(**{**known, "at": at, **json.loads(fields[_FIELD])})
