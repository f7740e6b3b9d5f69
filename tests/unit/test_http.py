"""What the server's own routes refuse, and how they say it."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from twintrack.app.http_errors import answer_error, status_of
from twintrack.app.http_gate import Gate
from twintrack.app.http_request import body_of, caller_of, needed, number
from twintrack.core import errors
from twintrack.core.context import Identity
from twintrack.core.errors import InputError, NotAllowed, TwintrackError


async def said(request: Request) -> PlainTextResponse:
    body = await body_of(request)
    return PlainTextResponse(f"{needed(body, 'name')} {number(request, 'limit')}")


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = Starlette(
        routes=[
            Route("/said", said, methods=["POST"]),
            Route("/internal/debug/thread/{id}", lambda _: PlainTextResponse("everything")),
        ],
        middleware=[Middleware(Gate)],
        exception_handlers={TwintrackError: answer_error},
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        yield client


async def test_a_route_reads_its_fields(client: httpx.AsyncClient) -> None:
    answer = await client.post("/said?limit=3", json={"name": "first"})
    assert (answer.status_code, answer.text) == (200, "first 3")


@pytest.mark.parametrize(
    ("query", "content"),
    [("", b"{"), ("", b"[]"), ("", b"{}"), ("", b'{"name": 3}'), ("?limit=0", b'{"name": "a"}'), ("?limit=x", b"{}")],
)
async def test_what_cannot_be_read_is_answered_with_the_fix(
    client: httpx.AsyncClient, query: str, content: bytes
) -> None:
    answer = await client.post(f"/said{query}", content=content)
    assert answer.status_code == 400
    assert set(answer.json()) == {"error", "fix"}


@pytest.mark.parametrize("path", ["/internal/debug/thread/1", "/internal/truncate", "/deploy", "/deploy/1/stream"])
async def test_the_development_servers_own_routes_are_closed(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 404


async def test_a_web_socket_is_closed_before_its_text_is_read() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def untouched(*_: Any) -> Any:
        raise AssertionError("the socket was let in")

    await Gate(untouched)({"type": "websocket", "path": "/threads/1/stream/events"}, untouched, send)
    assert sent[0]["type"] == "websocket.close"


def test_every_error_of_ours_has_a_status() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, TwintrackError)]
    found = {kind.__name__: status_of(kind("problem")) for kind in kinds}
    assert found["UnknownThread"] == found["UnknownVersion"] == 404
    assert found["NotAllowed"] == 403
    assert found["RedisUnavailable"] == found["ModelUnavailable"] == 503
    assert found["Conflict"] == 409
    assert found["DocumentError"] == 400


@pytest.mark.parametrize("query", [b"user_id=bob", b"tenant_id=other", b"user_id=ann&tenant_id=other"])
def test_naming_someone_else_in_the_query_is_refused(query: bytes) -> None:
    with pytest.raises(NotAllowed):
        caller_of(_request(query))


@pytest.mark.parametrize("query", [b"", b"user_id=ann", b"user_id=ann&tenant_id=acme"])
def test_the_caller_is_the_authenticated_user(query: bytes) -> None:
    assert caller_of(_request(query)) == Identity("acme", "ann")


def test_a_number_is_left_out_or_whole() -> None:
    assert number(_request(b""), "limit") is None
    for wrong in ("².5", "0", "-1", "9" * 10, "9" * 5000):
        with pytest.raises(InputError):
            number(_request(f"limit={wrong}".encode()), "limit")


class User(dict[str, str]):
    identity = "ann"


def _request(query: bytes) -> Request:
    return Request({"type": "http", "query_string": query, "headers": [], "user": User(tenant_id="acme")})
