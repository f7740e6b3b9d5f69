"""Erases a user: every trace of one person on this Redis."""

import asyncio
from dataclasses import asdict, dataclass

from twintrack.app.parts import Parts
from twintrack.app.walls import namespace_of
from twintrack.core.access import user
from twintrack.core.context import Identity
from twintrack.core.keys import PREFIX, encode, key
from twintrack.core.own_documents import drop_own
from twintrack.core.redis_errors import translated
from twintrack.memory.store_items import KIND, place_of
from twintrack.memory.versions import Versions

_PAGE = 500
_NOT_BY_USER = ("corpus", "checkpoint", "run", KIND)
"""Kinds of keys whose second and third part are not a tenant and a user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """How much there was."""

    threads: int
    """Conversations, with their versions and the record of what tools did."""
    memory: int
    """Facts, episodes, summaries, kept answers and what placeholders stood for."""
    traces: int
    items: int
    """Items of the server's store."""
    documents: int
    """Documents that were the user's alone, in any corpus."""
    decisions: int
    """Decisions about the user's tool calls."""
    other: int

    def to_json(self) -> dict[str, int]:
        """Return the counts."""
        return asdict(self)


async def erase_user(parts: Parts, versions: Versions, identity: Identity) -> Erased:
    """Delete all that is kept of a user, for good; traces sent to Langfuse stay there."""
    await asyncio.to_thread(parts.tracer.flush)
    await parts.audit.flush()
    async with translated():
        return Erased(
            threads=await versions.erase(identity) if versions.kept else 0,
            memory=await parts.resources.memory.erase(identity),
            traces=await parts.tracer.store.erase(identity) if parts.tracer.store else 0,
            items=await _items(parts, identity),
            documents=await _documents(parts, identity),
            decisions=await parts.audit.erase(identity),
            other=await parts.waiting.erase(identity) + await _rest(parts, identity),
        )


async def _documents(parts: Parts, identity: Identity) -> int:
    count = await drop_own(parts.source.client(), identity)
    # How often the user's own documents changed.
    pattern = key("corpus-version", identity.tenant_id, user(identity.user_id)) + ":*"
    await _delete(parts, [name async for name in parts.source.client().scan_iter(match=pattern, count=1000)])
    return count


async def _items(parts: Parts, identity: Identity) -> int:
    own = namespace_of(identity)
    names = [name async for name in parts.source.client().scan_iter(match=f"{PREFIX}:{KIND}:*", count=1000)]
    return await _delete(parts, [name for name in names if place_of(name.decode())[0][:2] == own])


async def _rest(parts: Parts, identity: Identity) -> int:
    """Delete what is left under keys of this user, whoever wrote it."""
    who = [encode(identity.tenant_id), encode(identity.user_id)]
    pattern = f"{PREFIX}:*:{who[0]}:{who[1]}*"
    found = []
    async for name in parts.source.client().scan_iter(match=pattern, count=1000):
        _, kind, *owner = name.decode().split(":")
        if owner[:2] == who and not kind.startswith(_NOT_BY_USER):
            found.append(name)
    return await _delete(parts, found)


async def _delete(parts: Parts, names: list[bytes]) -> int:
    count = 0
    for start in range(0, len(names), _PAGE):
        # One by one: on a cluster they lie on different nodes.
        gone = (parts.source.client().delete(name) for name in names[start : start + _PAGE])
        count += sum(await asyncio.gather(*gone))
    return count
