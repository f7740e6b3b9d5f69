"""A stand-in for a Langfuse server: a real OTLP endpoint on loopback that keeps every span it is sent."""

import gzip
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from pydantic import SecretStr

from tests.waiting import PATIENCE_S
from twintrack.core.langfuse_variables import LangfuseVariables
from twintrack.core.tracing import FLUSHING

Behaviour = Literal["accepts", "fails", "refuses key", "hangs"]
_STATUS = {"accepts": 200, "hangs": 200, "fails": 500, "refuses key": 401}


@dataclass(frozen=True)
class CapturedSpan:
    """One span as it went over the wire."""

    name: str
    trace: str
    id: str
    parent: str
    attributes: dict[str, Any]
    status: str
    """Description of the OTLP status."""

    @property
    def type(self) -> str:
        return str(self.attributes.get("langfuse.observation.type", ""))

    @property
    def level(self) -> str:
        return str(self.attributes.get("langfuse.observation.level", "DEFAULT"))

    @property
    def session(self) -> str | None:
        return self.attributes.get("session.id")

    @property
    def user(self) -> str | None:
        return self.attributes.get("user.id")

    @property
    def usage(self) -> dict[str, int]:
        found: dict[str, int] = json.loads(self.attributes.get("langfuse.observation.usage_details", "{}"))
        return found


@dataclass
class CaptureServer:
    """Answers as `behaviour` says; `spans` and `bodies` hold what arrived."""

    behaviour: Behaviour = "accepts"
    spans: list[CapturedSpan] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    """Decompressed request bodies, for searching the wire."""
    headers: list[dict[str, str]] = field(default_factory=list)

    def __enter__(self) -> "CaptureServer":
        self._released = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _endpoint(self))
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._released.set()
        # What a test no longer waited for is heard out, or it would complain of this server amid the next test.
        for sending in threading.enumerate():
            if sending.name == FLUSHING:
                sending.join(PATIENCE_S)
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def variables(self) -> LangfuseVariables:
        """Return settings that send to this server."""
        return langfuse_at(self.url)

    @property
    def environment(self) -> dict[str, str]:
        """Return the same for another process."""
        return {"LANGFUSE_BASE_URL": self.url, "LANGFUSE_PUBLIC_KEY": "pk-test", "LANGFUSE_SECRET_KEY": "sk-test"}

    def named(self, name: str) -> list[CapturedSpan]:
        return [span for span in self.spans if span.name == name]

    def one(self, name: str) -> CapturedSpan:
        found = self.named(name)
        assert len(found) == 1, f"{name}: {len(found)} spans"
        return found[0]

    def parent_of(self, span: CapturedSpan) -> str:
        """Return the name of the parent, or "" for the first span of a trace."""
        if not span.parent:
            return ""
        return next(other.name for other in self.spans if other.id == span.parent and other.trace == span.trace)

    def traces(self) -> dict[str, list[CapturedSpan]]:
        found: dict[str, list[CapturedSpan]] = {}
        for span in self.spans:
            found.setdefault(span.trace, []).append(span)
        return found

    def wait_for(self, name: str, count: int = 1, seconds: float = 60) -> None:
        """Wait for spans of this name; a run's outermost span arrives after all within it."""
        end = time.monotonic() + seconds
        while len(self.named(name)) < count and time.monotonic() < end:
            time.sleep(0.05)
        assert len(self.named(name)) >= count, f"{name}: {len(self.named(name))} of {count} spans"

    def hold(self) -> None:
        self._released.wait(60)


def langfuse_at(url: str) -> LangfuseVariables:
    """Return settings that send to `url`, whatever the environment says."""
    return LangfuseVariables(
        public_key="pk-test",
        secret_key=SecretStr("sk-test"),
        base_url=url,
        timeout=2,
        _env_file=None,  # pyright: ignore[reportCallIssue] # pydantic-settings takes it
    )


def no_langfuse() -> LangfuseVariables:
    """Return settings without keys, whatever the environment says."""
    return LangfuseVariables(public_key=None, secret_key=None, tracing_enabled=True, _env_file=None)  # pyright: ignore[reportCallIssue] # pydantic-settings takes it


@pytest.fixture
def otlp() -> Iterator[CaptureServer]:
    """Give a server that accepts all spans."""
    with CaptureServer() as server:
        yield server


def _endpoint(capture: CaptureServer) -> type[BaseHTTPRequestHandler]:
    class Endpoint(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if capture.behaviour == "hangs":
                capture.hold()
            if capture.behaviour == "accepts":
                _keep(capture, gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body)
                capture.headers.append(dict(self.headers))
            self.send_response(_STATUS[capture.behaviour])
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Stay silent."""

    return Endpoint


def _keep(capture: CaptureServer, body: bytes) -> None:
    request = ExportTraceServiceRequest.FromString(body)
    capture.bodies.append(body)
    capture.spans.extend(
        CapturedSpan(
            name=span.name,
            trace=span.trace_id.hex(),
            id=span.span_id.hex(),
            parent=span.parent_span_id.hex(),
            attributes={pair.key: _value(pair.value) for pair in span.attributes},
            status=span.status.message,
        )
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    )


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    return getattr(value, kind)
