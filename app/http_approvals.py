"""What waits for the caller's decision, over HTTP, and an end to what has waited too long."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from twintrack.app.approvals import moment
from twintrack.app.http_request import caller_of
from twintrack.app.lapsed import Lapsed
from twintrack.app.open_questions import open_questions


def approval_routes(lapsed: Lapsed) -> Sequence[Route]:
    """Return GET /twintrack/approvals and POST /twintrack/approvals/settle, each about the caller's own threads."""

    async def listed(request: Request) -> JSONResponse:
        found = await open_questions(lapsed.parts.waiting, lapsed.parts.saver, caller_of(request))
        return JSONResponse({"waiting": [{"thread_id": thread, "until": moment(due)} for thread, due in found]})

    async def settled(request: Request) -> JSONResponse:
        ended = await lapsed.sweep(caller_of(request))
        return JSONResponse({"ended": [thread for _, thread in ended]})

    return [
        Route("/twintrack/approvals", listed, methods=["GET"]),
        Route("/twintrack/approvals/settle", settled, methods=["POST"]),
    ]
