"""The last traces of each user, kept in Redis so that they can be read without a Langfuse server."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from twintrack.core.context import Identity
from twintrack.core.keys import decode, key, owned
from twintrack.core.redis_client import RedisSource
from twintrack.core.redis_wire import together

Level = Literal["DEBUG", "DEFAULT", "WARNING", "ERROR"]
_ABOUT = "about"
_BATCH = 2000
"""Names and values in one call: Lua cannot unpack arbitrarily long lists."""
_KEEP = """redis.call('HSET', KEYS[1], unpack(ARGV, 2))
redis.call('EXPIRE', KEYS[1], ARGV[1])"""
"""Writes spans and lets their trace live its whole time again. ARGV: seconds, then names and values."""
_ENLIST = """redis.call('ZADD', KEYS[1], 'LT', ARGV[3], ARGV[4])
redis.call('EXPIRE', KEYS[1], ARGV[1])
local old = redis.call('ZRANGE', KEYS[1], 0, -(ARGV[2] + 1))
if #old > 0 then redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -(ARGV[2] + 1)) end
return old"""
"""Notes a trace and takes the oldest ones off the list. ARGV: seconds, how many to keep, start, trace."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose trace it is and to which conversation it belongs, unhashed."""

    identity: Identity
    thread_id: str


@dataclass(slots=True, kw_only=True)
class TraceSpan:
    """One step of a run, without what went in and out of it; a run makes many, and a frozen one takes twice as long."""

    id: str
    parent: str | None
    name: str
    type: str
    start: float
    """Seconds since the epoch."""
    end: float
    level: str = "DEFAULT"
    message: str = ""
    model: str = ""
    usage: dict[str, int] = field(default_factory=dict)
    session: str = ""
    user: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    """What the run came to, such as its route; on the first span of a run."""

    @property
    def seconds(self) -> float:
        """Return how long the step took."""
        return self.end - self.start

    def as_json(self) -> dict[str, Any]:
        """Return the step as JSON values."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """All steps of one turn, an interrupted turn's resumption included."""

    id: str
    thread_id: str
    spans: Sequence[TraceSpan]

    @property
    def roots(self) -> list[TraceSpan]:
        """Return the spans without a parent in this trace, oldest first."""
        known = {span.id for span in self.spans}
        return sorted((span for span in self.spans if span.parent not in known), key=lambda span: span.start)

    @property
    def start(self) -> float:
        """Return when the first step began."""
        return min(span.start for span in self.spans)

    @property
    def seconds(self) -> float:
        """Return the time from the first step's start to the last one's end."""
        return max(span.end for span in self.spans) - self.start

    @property
    def labels(self) -> dict[str, str]:
        """Return what the turn came to; a resumption overrides what it resumed."""
        spans = sorted(self.spans, key=lambda span: span.start)
        return {name: text for span in spans for name, text in span.labels.items()}

    @property
    def failed(self) -> bool:
        """Tell whether the turn's latest run ended in an error."""
        runs = sorted((span for span in self.spans if span.type == "agent" and span.labels), key=lambda one: one.start)
        last = (runs or self.roots)[-1]
        return last.level == "ERROR"

    @property
    def usage(self) -> dict[str, int]:
        """Return the tokens of all model calls."""
        total: dict[str, int] = {}
        for span in self.spans:
            for kind, count in span.usage.items():
                total[kind] = total.get(kind, 0) + count
        return total

    def children(self, parent: TraceSpan) -> list[TraceSpan]:
        """Return the steps directly under `parent`, in the order they began."""
        return sorted((span for span in self.spans if span.parent == parent.id), key=lambda span: span.start)

    def as_json(self) -> dict[str, Any]:
        """Return the trace as JSON values."""
        return {"id": self.id, "thread_id": self.thread_id, "spans": [span.as_json() for span in self.spans]}


class TraceStore:
    """Keeps the last `keep` traces of every user for `keep_days` days."""

    def __init__(self, source: RedisSource, *, keep: int = 50, keep_days: float = 7) -> None:
        self.source = source
        self.keep = keep
        self.seconds = int(keep_days * 86_400)

    async def add(self, trace_id: str, owner: Owner, spans: Sequence[TraceSpan]) -> None:
        """Store spans of one trace; the same span stored twice is stored once."""
        rows: dict[Any, Any] = {span.id: orjson.dumps(span) for span in spans}
        rows[_ABOUT] = json.dumps({"thread_id": owner.thread_id}, ensure_ascii=False)
        first = min(span.start for span in spans)
        fields = [part for pair in rows.items() for part in pair]
        head = ("EVAL", _KEEP, 1, _trace(owner.identity, trace_id), self.seconds)
        keeping = [(*head, *fields[start : start + _BATCH]) for start in range(0, len(fields), _BATCH)]
        enlisting = ("EVAL", _ENLIST, 1, _listing(owner.identity), self.seconds, self.keep, first, trace_id)
        client = self.source.client()
        *_, old = await together(client, [*keeping, enlisting])
        if old:
            await together(client, [("UNLINK", _trace(owner.identity, one.decode())) for one in old])

    async def list(self, identity: Identity, thread_id: str | None = None) -> list[Trace]:
        """Return this user's traces, newest first."""
        ids = reversed(await self._ids(identity))
        traces = await asyncio.gather(*(self.get(one, identity) for one in ids))
        return [one for one in traces if one is not None and thread_id in (None, one.thread_id)]

    async def get(self, trace_id: str, identity: Identity) -> Trace | None:
        """Return one of this user's traces, or None where this user has no such trace."""
        rows: dict[Any, Any] = await self.source.client().hgetall(_trace(identity, trace_id))
        about = rows.pop(_ABOUT.encode(), None)
        if about is None or not rows:
            return None
        spans = sorted((TraceSpan(**json.loads(row)) for row in rows.values()), key=lambda span: span.start)
        return Trace(id=trace_id, thread_id=json.loads(about)["thread_id"], spans=spans)

    async def users(self, tenant_id: str) -> Sequence[str]:
        """Return whose traces a tenant has; it looks at every key, so it is for a person who asks."""
        begin = f"{key('traces', tenant_id)}:"
        found = [name async for name in self.source.client().scan_iter(f"{begin}*", count=1000)]
        return sorted(decode(name.decode().removeprefix(begin)) for name in found)

    async def erase(self, identity: Identity) -> int:
        """Delete all of this user's traces and return how many there were."""
        client = self.source.client()
        ids = await self._ids(identity)
        await together(
            client, [("UNLINK", name) for name in (*(_trace(identity, one) for one in ids), _listing(identity))]
        )
        return len(ids)

    async def _ids(self, identity: Identity) -> Sequence[str]:
        found: Any = await self.source.client().zrange(_listing(identity), 0, -1)
        return [one.decode() for one in found]


def _listing(identity: Identity) -> str:
    return key("traces", identity.tenant_id, identity.user_id)


def _trace(identity: Identity, trace_id: str) -> str:
    return owned("trace", identity, trace_id)
