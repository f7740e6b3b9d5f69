"""The same graph under `langgraph dev`, and the last spans of a process that is told to stop."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from langgraph_sdk import get_client

from tests import traced_graph
from tests.otlp_capture import CaptureServer
from twintrack.core.tracing import trace_id_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

SERVED = """
from contextlib import asynccontextmanager

from langgraph_sdk import Auth
from starlette.applications import Starlette

from traced_graph import build
from twintrack.core.context import Context
from twintrack.core.settings import TracingSettings
from twintrack.core.tracing import Tracer
from twintrack.graphs.traced import traced

tracer = Tracer(TracingSettings())
graph = traced(build().compile(name="turn"), tracer).with_config(tags=["served"])
auth = Auth()


@asynccontextmanager
async def lifespan(app):
    yield
    await tracer.aclose()


app = Starlette(lifespan=lifespan)


@auth.authenticate
async def who(authorization: str | None) -> dict:
    return {"identity": authorization or "nobody", "tenant_id": "acme"}
"""


@pytest.fixture(scope="module")
def capture() -> Iterator[CaptureServer]:
    with CaptureServer() as server:
        yield server


@dataclass(frozen=True)
class Served:
    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def wait(self) -> None:
        for _ in range(500):
            try:
                httpx.get(f"{self.url}/ok", timeout=2).raise_for_status()
                return
            except httpx.HTTPError:
                assert self.process.poll() is None, self.log.read_text()
                time.sleep(0.2)


@contextmanager
def serving(capture: CaptureServer, folder: Path, **more: str) -> Iterator[Served]:
    shutil.copy(traced_graph.__file__, folder / "traced_graph.py")
    (folder / "served.py").write_text(SERVED)
    settings = {
        "dependencies": ["."],
        "graphs": {"turn": "served:graph"},
        "auth": {"path": "served:auth"},
        "http": {"app": "served:app"},
    }
    (folder / "langgraph.json").write_text(json.dumps(settings))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [
        str(Path(sys.executable).with_name("langgraph")),
        "dev",
        "--no-browser",
        "--no-reload",
        "--port",
        str(port),
    ]
    variables = os.environ | capture.environment | {"LANGSMITH_TRACING": "false", "NO_COLOR": "1"} | more
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=variables, stdout=log, stderr=log)
    served = Served(process, f"http://127.0.0.1:{port}", folder / "log")
    try:
        served.wait()
        yield served
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def server(capture: CaptureServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(capture, tmp_path_factory.mktemp("served"), LANGFUSE_FLUSH_INTERVAL="0.3") as served:
        yield served


@pytest.fixture
async def client(server: Served, capture: CaptureServer) -> AsyncIterator[Any]:
    capture.spans.clear()
    async with get_client(url=server.url, headers={"authorization": "ada"}) as found:
        yield found


async def _run(client: Any, thread: str, mode: Any, **given: Any) -> None:
    async for part in client.runs.stream(thread, "turn", stream_mode=mode, **given):
        assert part.event != "error", part.data


@pytest.mark.parametrize("mode", [["values"], ["messages-tuple", "updates"], ["events"]])
async def test_every_step_of_a_served_run_has_session_and_user_of_the_server(
    mode: list[str], client: Any, capture: CaptureServer, server: Served
) -> None:
    thread = (await client.threads.create())["thread_id"]
    claimed = {"user_id": "eve", "tenant_id": "evil"}
    for _ in range(2):
        await _run(client, thread, mode, input={"topic": "trees"}, context=claimed)
    capture.wait_for("turn", 2)

    assert len(capture.traces()) == 2
    for spans in capture.traces().values():
        names = [span.name for span in spans]
        assert {*traced_graph.NODES, "inner graph", "helper graph", "lookup", "ScriptedChatModel"} <= set(names)
        assert names.count("piece") == 2
        assert names.count("turn") == 1
    assert {(span.session, span.user) for span in capture.spans} == {(thread, "ada")}
    assert {span.attributes["langfuse.trace.metadata.tenant"] for span in capture.spans} == {'"acme"'}
    assert {capture.parent_of(span) for span in capture.spans if span.name in ("plan", "piece", "join")} == {"turn"}
    assert "Blocking" not in server.log.read_text()


async def test_the_trace_id_of_a_served_run_follows_from_its_run_id(client: Any, capture: CaptureServer) -> None:
    thread = (await client.threads.create())["thread_id"]
    run = await client.runs.create(thread, "turn", input={"topic": "trees"})
    await client.runs.join(thread, run["run_id"])
    capture.wait_for("turn")

    assert list(capture.traces()) == [trace_id_of(thread, run["run_id"])]


async def test_a_served_resumption_joins_its_trace(client: Any, capture: CaptureServer) -> None:
    thread = (await client.threads.create())["thread_id"]
    await _run(client, thread, ["values"], input={"topic": "ask"})
    await _run(client, thread, ["values"], command={"resume": "yes"})
    capture.wait_for("turn", 2)

    assert len(capture.traces()) == 1
    assert {span.level for span in capture.spans} == {"DEFAULT"}
    assert len(capture.named("turn")) == 2


async def test_a_server_told_to_stop_delivers_what_is_queued(otlp: CaptureServer, tmp_path: Path) -> None:
    with serving(otlp, tmp_path) as served:
        async with get_client(url=served.url, headers={"authorization": "ada"}) as client:
            thread = (await client.threads.create())["thread_id"]
            await _run(client, thread, ["values"], input={"topic": "trees"})
        served.process.send_signal(signal.SIGTERM)
        served.process.wait(30)

    assert len(otlp.named("turn")) == 1


def test_a_script_that_ends_delivers_what_is_queued(otlp: CaptureServer, tmp_path: Path) -> None:
    shutil.copy(traced_graph.__file__, tmp_path / "traced_graph.py")
    (tmp_path / "served.py").write_text(SERVED)
    script = "import asyncio, served; asyncio.run(served.graph.ainvoke({'topic': 'trees'}))"
    subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=os.environ | otlp.environment, check=True, timeout=100
    )

    assert len(otlp.named("turn")) == 1
