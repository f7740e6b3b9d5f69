"""What is remembered of the caller over HTTP: see it, take it away, have it erased."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from twintrack.app.erasure import Erased
from twintrack.app.http_request import caller_of
from twintrack.core.context import Identity
from twintrack.core.redis_errors import translated
from twintrack.memory.tiers import Memory


def memory_routes(memory: Memory, erase_user: Callable[[Identity], Awaitable[Erased]]) -> Sequence[Route]:
    """Return the routes below /twintrack/memory, and the one that erases all that is kept of the caller; `user_id` or `tenant_id` of someone else is refused."""

    async def list_(request: Request) -> Response:
        who = caller_of(request)
        async with translated():
            return JSONResponse({"records": [record async for record in memory.export(who)]})

    async def export(request: Request) -> Response:
        return StreamingResponse(_lines(memory, caller_of(request)), media_type="application/x-ndjson")

    async def erase(request: Request) -> Response:
        who = caller_of(request)
        async with translated():
            return JSONResponse({"erased": await memory.erase(who)})

    async def erase_all(request: Request) -> Response:
        return JSONResponse({"erased": (await erase_user(caller_of(request))).to_json()})

    return [
        Route("/twintrack/memory", list_, methods=["GET"]),
        Route("/twintrack/memory/export", export, methods=["GET"]),
        Route("/twintrack/memory", erase, methods=["DELETE"]),
        Route("/twintrack/user", erase_all, methods=["DELETE"]),
    ]


async def _lines(memory: Memory, who: Identity) -> AsyncIterator[str]:
    async for record in memory.export(who):
        yield json.dumps(record, ensure_ascii=False) + "\n"
