"""Keeps what agents found and finds it again for an equal task, in all processes; of equal tasks at once one is done."""

import asyncio
import json
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from typing_extensions import TypedDict

from twintrack.core import keys
from twintrack.core.access import EVERYONE
from twintrack.core.answer_cache import note_written
from twintrack.core.answer_counts import TASK_KIND, count
from twintrack.core.context import Identity
from twintrack.core.flights import Flights
from twintrack.core.redis_client import RedisSource


class KeptResult(TypedDict):
    """One result as it is kept; JSON only."""

    agent: str
    task: str
    text: str
    citations: list[dict[str, Any]]
    took_ms: int
    tokens: int
    created_at: float


@dataclass(frozen=True, slots=True)
class EqualTask:
    """What makes two tasks equal, and who asks."""

    identity: Identity
    digest: str
    personal: bool
    """Whether only the user's own results count."""

    @classmethod
    def of(cls, identity: Identity, parts: Any, *, personal: bool) -> "EqualTask":
        """Return the task that these parts make, each of which must be equal."""
        told = json.dumps(parts, sort_keys=True, ensure_ascii=False).encode(errors="surrogatepass")
        return cls(identity, blake2b(told, digest_size=16).hexdigest(), personal)

    @property
    def own(self) -> str:
        """Return the key of the user's own result."""
        return keys.owned(TASK_KIND, self.identity, self.digest)

    @property
    def shared(self) -> str:
        """Return the key of what everyone in the tenant may be given."""
        # One more part than a user's own keys have, so that no user's name can stand for everyone.
        return keys.key(TASK_KIND, self.identity.tenant_id, "", EVERYONE, self.digest)

    @property
    def flight(self) -> str:
        """Return the name under which those who have the same to do wait for each other."""
        whose = self.identity.user_id if self.personal else ""
        return keys.key("agent-flight", self.identity.tenant_id, whose, self.digest)


class TaskResults:
    """The results of every tenant, each seen only from inside its own walls."""

    def __init__(self, source: RedisSource, *, made_with: tuple[str, ...], wait_s: float) -> None:
        self._source = source
        self.flights = Flights(source)
        self.made_with = made_with
        """What makes a result beside its task and agent: models, prompts, settings."""
        self.wait_s = wait_s

    async def look(self, task: EqualTask) -> KeptResult | None:
        """Return the result of an equal task, the user's own before one that is everyone's."""
        names = (task.own,) if task.personal else (task.own, task.shared)
        client: Any = self._source.client()
        found = await asyncio.gather(*(client.hget(name, "data") for name in names))
        raw = next(filter(None, found), None)
        kept: KeptResult | None = json.loads(raw) if raw else None
        return kept

    async def keep(self, task: EqualTask, kept: KeptResult, *, shared: bool, seconds: float, thread_id: str) -> None:
        """Keep one result for so long; erasing its user, or undoing the turn, takes it out."""
        name = task.shared if shared and not task.personal else task.own
        client: Any = self._source.client()
        await asyncio.gather(
            client.hset(name, "data", json.dumps(kept)),
            client.pexpire(name, max(1, round(seconds * 1000))),
            note_written(client, task.identity, name, thread_id, kept["created_at"], max(1, round(seconds))),
        )

    async def count(self, identity: Identity, **by: int) -> None:
        """Add to the counts of the caller's tenant."""
        await count(self._source, identity.tenant_id, **by)
