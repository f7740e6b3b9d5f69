"""Says an error of ours over HTTP: its status, what is wrong and the fix."""

from starlette.requests import Request
from starlette.responses import JSONResponse

from twintrack.core.errors import (
    BudgetExceeded,
    Conflict,
    InputError,
    NotAllowed,
    TwintrackError,
    Unavailable,
    UnknownThread,
    UnknownVersion,
)

_STATUS: dict[type[TwintrackError], int] = {
    UnknownThread: 404,
    UnknownVersion: 404,
    InputError: 400,
    NotAllowed: 403,
    Conflict: 409,
    BudgetExceeded: 429,
    Unavailable: 503,
    TwintrackError: 500,
}


def status_of(error: TwintrackError) -> int:
    """Return the HTTP status of an error, the nearest class's."""
    return next(_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS)


async def answer_error(_request: Request, error: Exception) -> JSONResponse:
    """Answer with the error's own words."""
    assert isinstance(error, TwintrackError)  # noqa: S101 - registered for these alone
    return JSONResponse({"error": error.problem, "fix": error.fix}, status_code=status_of(error))
