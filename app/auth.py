"""Tells LangGraph's server who calls and what is theirs; `auth` is what langgraph.json names."""

from collections.abc import Awaitable
from typing import Any, TypeVar

from langgraph_sdk import Auth

from twintrack.app.api_keys import ApiKeys
from twintrack.app.callers import HEALTH, caller
from twintrack.app.http_errors import status_of
from twintrack.app.run_start import check_start
from twintrack.app.server import parts, saver
from twintrack.app.thread_owners import SavedOwners
from twintrack.app.walls import Filter, Value, Walls
from twintrack.core.context import Identity, identity_of_user
from twintrack.core.errors import NotAllowed, TwintrackError

Context = Auth.types.AuthContext
T = TypeVar("T")
Refused = Auth.exceptions.HTTPException

auth = Auth()
_keys = ApiKeys.parse(parts.settings.server.keys)
_walls = Walls(SavedOwners(saver))


STRANGER = {"identity": "anonymous", "is_authenticated": False, "tenant_id": "", "permissions": []}
"""Whoever asks for the health without a key: an orchestrator's check. It reaches no other route."""


@auth.authenticate
async def authenticate(headers: dict[bytes, bytes], scope: dict[str, Any]) -> dict[str, Any]:
    """Return the user behind the request's API key."""
    try:
        identity = caller(_keys, headers, scope.get("client"))
    except NotAllowed as error:
        identity, why = None, str(error)
    else:
        why = "The API key is missing or wrong."
    if identity is None:
        if scope["path"] == HEALTH:
            return dict(STRANGER)
        raise Refused(status_code=401, detail=why)
    # The server would pass a display name on as the user's id where it updates a thread, without the tenant.
    named = {"identity": identity.user_id, "tenant_id": identity.tenant_id, "groups": list(identity.groups)}
    return {**named, "display_name": "", "permissions": []}


@auth.on
async def nothing_else(ctx: Context, value: Value) -> bool:  # noqa: ARG001 - the server passes both by name
    """Refuse what no wall below knows."""
    return False


@auth.on.threads
async def threads(ctx: Context, value: Value) -> Filter:
    """Wall off threads and runs; a run begins where it can."""
    found = await _decided(_walls.threads(_identity(ctx), ctx.action, value))
    if ctx.action == "create_run":
        await _decided(check_start(saver, value, parts.masker))
    return found


@auth.on.assistants
async def assistants(ctx: Context, value: Value) -> Filter:
    """Wall off assistants."""
    return await _decided(_walls.assistants(_identity(ctx), ctx.action, value))


@auth.on.crons
async def crons(ctx: Context, value: Value) -> Filter:
    """Wall off scheduled runs."""
    return await _decided(_walls.crons(_identity(ctx), ctx.action, value))


@auth.on.store
async def store(ctx: Context, value: Value) -> None:
    """Wall off the store."""
    return await _decided(_walls.store(_identity(ctx), value))


def _identity(ctx: Context) -> Identity:
    return identity_of_user(ctx.user)


async def _decided(decision: Awaitable[T]) -> T:
    try:
        return await decision
    except TwintrackError as error:
        raise Refused(status_code=status_of(error), detail=str(error)) from error
