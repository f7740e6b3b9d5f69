"""A thread's versions over HTTP: list, name, compare, go back."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from twintrack.app.http_request import body_of, caller_of, needed, number
from twintrack.app.thread_owners import ThreadOwners
from twintrack.core.redis_errors import translated
from twintrack.memory.versions import Version, Versions


def version_routes(versions: Versions, owners: ThreadOwners) -> Sequence[Route]:
    """Return the routes below /twintrack/versions; another user's thread is refused."""

    async def list_(request: Request) -> JSONResponse:
        thread, who = request.path_params["thread_id"], caller_of(request)
        await owners.check(thread, who)
        async with translated():
            found = await versions.list(thread, limit=number(request, "limit"), identity=who)
        return JSONResponse({"versions": [version.to_json() for version in found]})

    async def diff(request: Request) -> JSONResponse:
        thread, who = request.path_params["thread_id"], caller_of(request)
        await owners.check(thread, who)
        a, b = needed(request.query_params, "a"), needed(request.query_params, "b")
        async with translated():
            return JSONResponse({"changes": await versions.diff(thread, a, b, identity=who)})

    async def rollback(request: Request) -> JSONResponse:
        thread, who, body = request.path_params["thread_id"], caller_of(request), await body_of(request)
        await owners.check(thread, who)
        to, reason = needed(body, "to"), needed(body, "reason")
        async with translated():
            return _told(await versions.rollback(thread, to, reason=reason, actor=who.user_id, identity=who))

    async def save(request: Request) -> JSONResponse:
        thread, who, body = request.path_params["thread_id"], caller_of(request), await body_of(request)
        await owners.check(thread, who)
        name, version = needed(body, "name"), str(body.get("version") or "") or None
        async with translated():
            return _told(await versions.save(thread, name, version, identity=who))

    at = "/twintrack/versions/{thread_id}"
    return [
        Route(at, list_, methods=["GET"]),
        Route(f"{at}/diff", diff, methods=["GET"]),
        Route(f"{at}/rollback", rollback, methods=["POST"]),
        Route(f"{at}/save", save, methods=["POST"]),
    ]


def _told(version: Version) -> JSONResponse:
    return JSONResponse({"version": version.to_json()})
