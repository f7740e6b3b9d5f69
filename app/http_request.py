"""Reads what a request says: who sends it, its fields, its numbers."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from twintrack.app.thread_owners import not_yours
from twintrack.core.context import Identity, identity_of_user
from twintrack.core.errors import InputError

_DIGITS = 9


def caller_of(request: Request) -> Identity:
    """Return the authenticated user; one who names someone else in the query is refused."""
    identity = identity_of_user(request.scope.get("user"))
    named = request.query_params
    if named.get("user_id", identity.user_id) != identity.user_id:
        raise not_yours()
    if named.get("tenant_id", identity.tenant_id) != identity.tenant_id:
        raise not_yours()
    return identity


async def body_of(request: Request) -> dict[str, Any]:
    """Return the JSON object sent."""
    try:
        body = await request.json()
    except ValueError as error:
        raise InputError("The body is not JSON.", fix="send a JSON object") from error
    if not isinstance(body, dict):
        raise InputError("The body is not a JSON object.", fix="send a JSON object")
    return body


def needed(fields: Mapping[str, Any], name: str) -> str:
    """Return a field that has to be there, as text."""
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise InputError(f"{name!r} is missing.", fix=f"send {name!r} as text")
    return value


def number(request: Request, name: str) -> int | None:
    """Return a whole number of the query above nought, or None where it is left out."""
    text = request.query_params.get(name)
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > _DIGITS or not int(text):
        raise InputError(f"{name!r} is not a whole number from 1 to {10**_DIGITS - 1}.", fix=f"send {name}=20")
    return int(text)
