"""The record of what was decided about each tool call: when, for whom, by which rule or person."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextvars import Context
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal, Protocol
from weakref import WeakKeyDictionary

from twintrack.core.context import Identity
from twintrack.core.keys import key
from twintrack.core.redis_client import RedisSource
from twintrack.core.redis_wire import together
from twintrack.core.settings import AuditSettings

By = Literal["policy", "person", "time-out"]
log = logging.getLogger("twintrack.audit")

_PAGE = 500
_QUEUED = 1000
_SECONDS = 5.0
_FIELD = b"d"
_MOMENT_S = 0.02
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
    """When, in ISO 8601; filled in where the record is read."""


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
        self._queued: WeakKeyDictionary[asyncio.AbstractEventLoop, list[Decision]] = WeakKeyDictionary()
        self._writers: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Task[None]] = WeakKeyDictionary()
        self._failing = False

    def write(self, decision: Decision) -> None:
        """Queue one decision; a Redis that does not answer costs the record, never the run."""
        if not self._keep:
            return
        loop = asyncio.get_running_loop()
        queued = self._queued.setdefault(loop, [])
        if len(queued) >= _QUEUED:
            self._tell("more wait to be written than fit")
            return
        queued.append(decision)
        if loop not in self._writers:
            self._writers[loop] = loop.create_task(self._drain(loop), context=Context())

    async def list(
        self, identity: Identity, *, thread: str | None = None, everyone: bool = False, limit: int = 100
    ) -> list[Decision]:
        """Return decisions about a user's calls, newest first; with `everyone`, those of the whole tenant."""
        found: list[Decision] = []
        async for _, one in self._newest(identity.tenant_id):
            if (everyone or one.user == identity.user_id) and thread in (None, one.thread):
                found.append(one)
            if len(found) >= limit:
                break
        return found

    async def erase(self, identity: Identity) -> int:
        """Delete all of a user's decisions and return how many there were."""
        own = [entry async for entry, one in self._newest(identity.tenant_id) if one.user == identity.user_id]
        client = self._source.client()
        for start in range(0, len(own), _PAGE):
            await client.xdel(_stream(identity.tenant_id), *own[start : start + _PAGE])
        return len(own)

    async def flush(self) -> None:
        """Wait until what this loop has queued is written."""
        while (writer := self._writers.get(asyncio.get_running_loop())) is not None:
            await asyncio.wait([writer])

    async def _drain(self, loop: asyncio.AbstractEventLoop) -> None:
        """Write what comes within a moment in one round trip."""
        try:
            while self._queued[loop]:
                await asyncio.sleep(_MOMENT_S)
                batch, self._queued[loop] = self._queued[loop], []
                async with asyncio.timeout(_SECONDS):
                    await self._add(batch)
                self._failing = False
        except Exception as error:  # noqa: BLE001 (declared boundary: what is noted beside a run never breaks it)
            self._tell(type(error).__name__)
        finally:
            self._writers.pop(loop, None)

    def _tell(self, reason: str) -> None:
        if not self._failing:
            log.warning("Decisions on tool calls do not reach the audit in Redis; runs go on. %s", reason)
        self._failing = True

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
    return Decision(**{**known, **json.loads(fields[_FIELD]), "at": at})
