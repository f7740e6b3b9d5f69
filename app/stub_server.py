"""An OpenAI-compatible server on loopback that says what a test told it to, faults included."""

import asyncio
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from twintrack.app.stub_wire import Cut, completion, embeddings, events

Request = dict[str, Any]
Embed = Callable[[list[str]], list[list[float]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer of the server; the functions below make the usual ones."""

    text: str = ""
    tool_calls: tuple[tuple[str, dict[str, Any]], ...] = ()
    """Name and arguments of each call; more than one means parallel calls."""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    """Sent as it is, in place of an answer."""
    seconds: float = 0.0
    """Wait before the first byte."""
    cut: Cut = ""
    """How a streamed answer breaks off after its first words."""


def says(text: str) -> Reply:
    """Answer with a text."""
    return Reply(text=text)


def calls(*tool_calls: tuple[str, dict[str, Any]]) -> Reply:
    """Ask for tools, all at once."""
    return Reply(tool_calls=tool_calls)


def rate_limited(retry_after: float | None = None) -> Reply:
    """Answer 429, with Retry-After where it is given."""
    headers = {} if retry_after is None else {"Retry-After": f"{retry_after:g}"}
    return Reply(status=429, headers=headers, body=_error("rate limit reached"))


def fails(status: int = 500) -> Reply:
    """Answer with an error status."""
    return Reply(status=status, body=_error(f"stub fails with {status}"))


def hangs(seconds: float) -> Reply:
    """Answer far too late."""
    return Reply(text="late", seconds=seconds)


def garbage(body: bytes = b'{"choices": [') -> Reply:
    """Answer 200 with a body that is no completion."""
    return Reply(body=body)


def breaks_off(text: str, how: Literal["abrupt", "quiet"] = "abrupt") -> Reply:
    """Stream the first half and drop the connection (`abrupt`) or end without a reason (`quiet`)."""
    return Reply(text=text, cut=how)


def _nothing_embedded(_: list[str]) -> list[list[float]]:
    return []


class StubServer:
    """Serve `/v1/chat/completions` from a script, and `/v1/embeddings`; use it as an async context manager.

    Args:
        script: replies in order, or a function from the request body to a reply.
        embed: vectors of texts; without it the embeddings are not there.
    """

    def __init__(
        self, script: Iterable[Reply] | Callable[[Request], Reply], *, embed: Embed = _nothing_embedded
    ) -> None:
        self._embed = embed
        self.embedded: list[Request] = []
        self.requests: list[Request] = []
        self.headers: list[dict[str, str]] = []
        self.base_url = ""
        self._reply = script if callable(script) else _in_order(script)
        self._open: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.base_url = f"http://127.0.0.1:{port}/v1"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for writer in self._open:
            writer.transport.abort()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            path, request = await self._read(reader)
            reply = self._embeddings(request) if path.endswith("/embeddings") else self._said(request)
            await asyncio.sleep(reply.seconds)
            await _write(writer, request, reply)
        except (ConnectionError, asyncio.IncompleteReadError):
            return  # the client went away, as clients that time out do
        finally:
            self._open.discard(writer)
            writer.close()

    def _said(self, request: Request) -> Reply:
        self.requests.append(request)
        return self._reply(request)

    def _embeddings(self, request: Request) -> Reply:
        self.embedded.append(request)
        vectors = self._embed(list(request["input"]))
        return Reply(body=embeddings(vectors, request)) if vectors else Reply(status=404, body=_error("no embeddings"))

    async def _read(self, reader: asyncio.StreamReader) -> tuple[str, Request]:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        request = json.loads(await reader.readexactly(int(headers.get("content-length", 0))) or b"{}")
        self.headers.append(headers)
        return head[0].split()[1], dict(request)


def _in_order(script: Iterable[Reply]) -> Callable[[Request], Reply]:
    replies = iter(script)
    ended = Reply(status=400, body=_error("the stub's script has ended"))
    return lambda _: next(replies, ended)


def _error(message: str) -> bytes:
    return json.dumps({"error": {"message": message, "type": "stub", "code": None}}).encode()


async def _write(writer: asyncio.StreamWriter, request: Request, reply: Reply) -> None:
    if reply.body is None and request.get("stream"):
        await _stream(writer, request, reply)
        return
    body = reply.body if reply.body is not None else completion(reply.text, reply.tool_calls, request)
    head = {"Content-Type": "application/json", "Content-Length": str(len(body)), **reply.headers}
    writer.write(_head(reply.status, head) + body)
    await writer.drain()


async def _stream(writer: asyncio.StreamWriter, request: Request, reply: Reply) -> None:
    writer.write(_head(200, {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"}))
    for event in events(reply.text, reply.tool_calls, request, cut=reply.cut):
        writer.write(f"{len(event):x}\r\n".encode() + event + b"\r\n")
        await writer.drain()
    if reply.cut != "abrupt":
        writer.write(b"0\r\n\r\n")
        await writer.drain()


def _head(status: int, headers: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} Stub", *(f"{name}: {value}" for name, value in headers.items()), "Connection: close"]
    return "\r\n".join([*lines, "", ""]).encode()
