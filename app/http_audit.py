"""What was decided about the caller's own tool calls, over HTTP."""

from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from twintrack.app.http_request import caller_of, number
from twintrack.app.thread_owners import ThreadOwners
from twintrack.core.audit import RedisAudit
from twintrack.core.redis_errors import translated


def audit_route(audit: RedisAudit, owners: ThreadOwners) -> Route:
    """Return GET /twintrack/audit: the caller's decisions, newest first; another user's thread is refused."""

    async def listed(request: Request) -> JSONResponse:
        who, thread = caller_of(request), request.query_params.get("thread_id")
        if thread is not None:
            await owners.check(thread, who)
        async with translated():
            found = await audit.list(who, thread=thread, limit=number(request, "limit") or 100)
        return JSONResponse({"decisions": [asdict(one) for one in found]})

    return Route("/twintrack/audit", listed, methods=["GET"])
