"""The walls between users of a server: what each may touch of threads, runs, assistants, crons and the store."""

from collections.abc import Iterable
from typing import Any

from twintrack.app.thread_owners import ThreadOwners, not_yours
from twintrack.core.context import Identity
from twintrack.core.errors import NotAllowed
from twintrack.core.keys import encode

Value = dict[str, Any]
Filter = dict[str, Any]

OWNER = "owner"
"""Metadata key of the owner's label."""
_MADE_BY, _SYSTEM = "created_by", "system"
_WRITES = frozenset({"create", "create_run", "update"})
_SHARED = {_MADE_BY: _SYSTEM}


def owner_label(identity: Identity) -> str:
    """Return `tenant/user`, each part encoded, as it stands in metadata."""
    return "/".join(namespace_of(identity))


def namespace_of(identity: Identity) -> tuple[str, str]:
    """Return what every namespace of the user's store begins with; a label may hold no period."""
    tenant, user = (encode(part).replace(".", "%2E") for part in (identity.tenant_id, identity.user_id))
    return tenant, user


class Walls:
    """Decides each request; a refusal is raised as NotAllowed, a filter is what the server must match."""

    def __init__(self, owners: ThreadOwners) -> None:
        self._owners = owners

    async def threads(self, identity: Identity, action: str, value: Value) -> Filter:
        """Hold threads and their runs to their owner."""
        for thread_id in _thread_ids(value):
            if action == "create" or (action == "create_run" and value.get("if_not_exists") == "create"):
                await self._owners.claim(thread_id, identity)
            else:
                await self._owners.check(thread_id, identity)
        return _owned(identity, action, value)

    async def assistants(self, identity: Identity, action: str, value: Value) -> Filter:
        """Let everyone read the server's own assistants, and change only what is theirs."""
        if (value.get("metadata") or {}).get(_MADE_BY) == _SYSTEM and action != "search":
            raise NotAllowed("Only the server makes its own assistants.", fix=f"leave out {_MADE_BY!r}")
        if action in ("read", "search"):
            _refuse_other(identity, value.get("metadata"))
            return {"$or": [{OWNER: owner_label(identity)}, _SHARED]}
        return _owned(identity, action, value)

    async def crons(self, identity: Identity, action: str, value: Value) -> Filter:
        """Hold scheduled runs to their owner."""
        if action == "create" and identity.tenant_id != Identity().tenant_id:
            # The server keeps only the user's id with a schedule: the run would belong to another tenant's user.
            raise NotAllowed("Scheduled runs do not keep their tenant here.", fix="schedule outside, with your API key")
        for thread_id in _thread_ids(value):
            await self._owners.check(thread_id, identity)
        return _owned(identity, action, value)

    async def store(self, identity: Identity, value: Value) -> None:
        """Hold the store to the user's own namespace; none given means that one."""
        own, asked = namespace_of(identity), tuple(value.get("namespace") or ())
        if not asked:
            value["namespace"] = own
        elif asked[:2] != own:
            raise NotAllowed("This namespace is not yours.", fix=f"begin it with {list(own)}")


def _thread_ids(value: Value) -> Iterable[str]:
    one, several = value.get("thread_id"), value.get("thread_ids") or ()
    return [str(thread_id) for thread_id in (one, *several) if thread_id]


def _owned(identity: Identity, action: str, value: Value) -> Filter:
    """Write the owner into what will be stored, and return the filter that matches only the owner's own."""
    _refuse_other(identity, value.get("metadata"))
    if action in _WRITES:
        metadata = value["metadata"] = value["metadata"] if value.get("metadata") is not None else {}
        metadata[OWNER] = owner_label(identity)  # in place: the server stores the very dict it handed over
    return {OWNER: owner_label(identity)}


def _refuse_other(identity: Identity, metadata: Any) -> None:
    if (metadata or {}).get(OWNER) not in (None, owner_label(identity)):
        raise not_yours()
