"""A thread's versions over HTTP: list, show, name, compare, go back, branch off, prune, delete."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from twintrack.app.http_request import body_of, caller_of, needed, number
from twintrack.app.thread_owners import ThreadOwners
from twintrack.core.context import Identity
from twintrack.core.errors import InputError
from twintrack.core.redis_errors import translated
from twintrack.memory.version import Version
from twintrack.memory.versions import Versions

Act = Callable[[Request, str, Identity], Awaitable[dict[str, Any]]]


def version_routes(versions: Versions, owners: ThreadOwners) -> Sequence[Route]:
    """Return the routes below /twintrack/versions; another user's thread is refused."""

    def route(path: str, method: str, act: Act) -> Route:
        async def answer(request: Request) -> JSONResponse:
            thread, who = request.path_params["thread_id"], caller_of(request)
            await owners.check(thread, who)
            async with translated():
                return JSONResponse(await act(request, thread, who))

        return Route(f"/twintrack/versions/{{thread_id}}{path}", answer, methods=[method])

    asked = Asked(versions)
    return [
        route("", "GET", asked.list),
        route("", "DELETE", asked.delete),
        route("/show", "GET", asked.show),
        route("/diff", "GET", asked.diff),
        route("/tool-calls", "GET", asked.tool_calls),
        route("/rollback", "POST", asked.rollback),
        route("/save", "POST", asked.save),
        route("/fork", "POST", asked.fork),
        route("/prune", "POST", asked.prune),
    ]


class Asked:
    """What each route does for a caller whose thread it is."""

    def __init__(self, versions: Versions) -> None:
        self._versions = versions

    async def list(self, request: Request, thread: str, who: Identity) -> dict[str, Any]:
        """List the versions, newest first."""
        found = await self._versions.list(thread, limit=number(request, "limit"), identity=who)
        return {"versions": [version.to_json() for version in found]}

    async def show(self, request: Request, thread: str, who: Identity) -> dict[str, Any]:
        """Show one version and its state, the newest where none is named."""
        version = await self._versions.get(thread, request.query_params.get("version", ""), identity=who)
        return _told(version) | {"state": await self._versions.state(thread, version.id, identity=who)}

    async def diff(self, request: Request, thread: str, who: Identity) -> dict[str, Any]:
        """Compare two versions."""
        a, b = needed(request.query_params, "a"), needed(request.query_params, "b")
        return {"changes": await self._versions.diff(thread, a, b, identity=who)}

    async def tool_calls(self, request: Request, thread: str, who: Identity) -> dict[str, Any]:
        """List what tools did outside, from one version on where one is named."""
        calls = await self._versions.tool_calls(thread, request.query_params.get("since", ""), identity=who)
        return {"tool_calls": [call.to_json() for call in calls]}

    async def rollback(self, request: Request, thread: str, who: Identity) -> dict[str, Any]:
        """Go back; the answer tells what tools had already done."""
        body = await body_of(request)
        to, reason = needed(body, "to"), needed(body, "reason")
        return _told(await self._versions.rollback(thread, to, reason=reason, actor=who.user_id, identity=who))

    async def save(self, request: Request, thread: str, who: Identity) -> dict[str, Any]:
        """Name a version."""
        body = await body_of(request)
        name, version = needed(body, "name"), str(body.get("version") or "") or None
        return _told(await self._versions.save(thread, name, version, identity=who))

    async def fork(self, request: Request, thread: str, who: Identity) -> dict[str, Any]:
        """Copy the thread to a new one."""
        body = await body_of(request)
        to, version = needed(body, "to_thread"), str(body.get("version") or "") or None
        return _told(await self._versions.fork(thread, to, version, identity=who))

    async def prune(self, request: Request, thread: str, who: Identity) -> dict[str, Any]:
        """Remove old versions."""
        keep = (await body_of(request)).get("keep")
        if not isinstance(keep, int) or isinstance(keep, bool):
            raise InputError("'keep' is not a whole number above 0.", fix='send {"keep": 20}')
        return {"removed": await self._versions.prune(thread, keep, identity=who)}

    async def delete(self, request: Request, thread: str, who: Identity) -> dict[str, Any]:
        """Remove the thread; with `forget=true` also what was learnt on it."""
        forget = request.query_params.get("forget") == "true"
        await self._versions.delete(thread, forget=forget, identity=who)
        return {"deleted": thread}


def _told(version: Version) -> dict[str, Any]:
    return {"version": version.to_json()}
