"""Masks personal data and turns blocked questions away first: LangGraph stores the raw input before any node runs."""

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from twintrack.app.door import turn_away
from twintrack.app.request_shape import HALF_CHARACTER, fault_of, holds_half_character
from twintrack.guardrails import Masker, Policy

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Keep = Callable[[Scope, dict[str, str]], Awaitable[None]]
"""Keeps, for whoever sent a request, what its placeholders stand for."""

BODY_LIMIT = 1_048_576
"""Bytes of a request body that carries text."""

# Where the server's API carries what people wrote, notes and labels of theirs included; ids keep as they are.
_TEXT_KEYS = frozenset(
    [
        "command",
        "config",
        "context",
        "description",
        "filter",
        "input",
        "messages",
        "metadata",
        "name",
        "params",
        "query",
        "reason",
        "supersteps",
        "update",
        "value",
        "values",
    ]
)
_MAP = "checkpoint_map"
"""Holds ids under names of graphs."""
_LABELS = frozenset({"checkpoint_ns", "id", "role", "type"})
_MEDIA = frozenset({"audio", "file", "image", "image_url", "input_audio", "video"})
# Who sends up to so many times the limit is heard out, so that the refusal arrives: an answer amid an upload is lost.
_HEARD_OUT = 16
# Masking this many bytes takes about a millisecond; above, it leaves the event loop.
_INLINE = 16_384


def mask_body(body: Any, masker: Masker) -> tuple[Any, dict[str, str]]:
    """Return a request's JSON value with the text people wrote masked, and what each placeholder stands for."""
    found: dict[str, str] = {}
    return _masked_body(body, masker, found), found


class MaskingMiddleware:
    """ASGI middleware that judges and masks the JSON bodies that reach a LangGraph server; responses are not touched."""

    def __init__(
        self, app: ASGIApp, *, masker: Masker, policy: Policy, keep: Keep | None = None, limit: int = BODY_LIMIT
    ) -> None:
        self._app = app
        self._masker = masker
        self._policy = policy
        self._keep = keep
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http" or scope["method"] not in {"POST", "PUT", "PATCH", "DELETE"}:
            await self._app(scope, receive, send)
            return
        body = await _read(scope, receive, self._limit)
        if body is None:
            await _refuse(send, 413, f"The request is larger than {self._limit} bytes. Fix: send less text at once.")
            return
        try:
            masked, found = await self._masked(body, scope["path"])
        except RecursionError:
            await _refuse(send, 400, "The request's JSON is nested too deeply. Fix: send a flatter value.")
            return
        except _Unusable as fault:
            await _refuse(send, 422, str(fault))
            return
        if found and self._keep:
            await self._keep(scope, found)
        await self._app(_with_length(scope, len(masked)), _replay(masked, receive), send)

    async def _masked(self, body: bytes, path: str) -> tuple[bytes, dict[str, str]]:
        if len(body) > _INLINE:
            return await asyncio.to_thread(_masked_bytes, body, path, self._masker, self._policy)
        return _masked_bytes(body, path, self._masker, self._policy)


class _Unusable(Exception):
    """Says what is wrong with a body, and the fix."""


def _masked_body(body: Any, masker: Masker, found: dict[str, str]) -> Any:
    """Mask below the keys that carry text; a batch is a list of bodies."""
    if isinstance(body, list):
        return [_masked_body(item, masker, found) for item in body]
    if not isinstance(body, dict):
        return body
    return {key: _masked(value, masker, found) if key in _TEXT_KEYS else value for key, value in body.items()}


def _masked(value: Any, masker: Masker, found: dict[str, str]) -> Any:
    if isinstance(value, str):
        masked = masker.mask(value)
        found.update(masked.found)
        return masked.text
    if isinstance(value, list):
        return [_masked(item, masker, found) for item in value]
    if isinstance(value, dict):
        if value.get("type") in _MEDIA:
            return value
        return {key: item if _is_label(key, item) else _masked(item, masker, found) for key, item in value.items()}
    return value


def _is_label(key: Any, value: Any) -> bool:
    return (isinstance(value, str) and (key in _LABELS or str(key).endswith("_id"))) or key == _MAP


def _masked_bytes(body: bytes, path: str, masker: Masker, policy: Policy) -> tuple[bytes, dict[str, str]]:
    """Return the very same bytes where nothing is to be changed, or no JSON: the server judges those itself.

    Raises:
        _Unusable: what the body holds would break inside the server, or on the thread.
    """
    try:
        value = json.loads(body)
    except ValueError:
        return body, {}
    half = b"\\ud" in body.lower() and holds_half_character(value)
    if fault := HALF_CHARACTER if half else fault_of(path, value):
        raise _Unusable(fault)
    masked, found = mask_body(value, masker)
    refused = turn_away(masked, policy)
    if not (found or refused):
        return body, {}
    text = json.dumps(masked)
    # What a refused question told is not kept.
    return text.encode(), {name: original for name, original in found.items() if name in text}


def _header(scope: Scope, name: bytes) -> bytes:
    return next((bytes(value) for key, value in scope["headers"] if key.lower() == name), b"")


async def _read(scope: Scope, receive: Receive, limit: int) -> bytes | None:
    """Return the whole body, or None where it is larger than `limit`."""
    length = _header(scope, b"content-length")
    body = bytearray()
    seen, more = 0, True
    too_large = length.isdigit() and int(length) > limit
    while more and seen < _HEARD_OUT * limit:
        message = await receive()
        piece = message.get("body", b"")
        seen += len(piece)
        too_large = too_large or seen > limit
        body = bytearray() if too_large else body + piece
        more = message["type"] == "http.request" and message.get("more_body", False)
    return None if too_large else bytes(body)


def _with_length(scope: Scope, length: int) -> Scope:
    kept = [
        (key, value) for key, value in scope["headers"] if key.lower() not in {b"content-length", b"transfer-encoding"}
    ]
    return {**scope, "headers": [*kept, (b"content-length", str(length).encode())]}


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a receive that gives the body once and then what the connection gives."""
    waiting = [body]

    async def replay() -> MutableMapping[str, Any]:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return replay


async def _refuse(send: Send, status: int, problem: str) -> None:
    body = json.dumps({"detail": problem}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
