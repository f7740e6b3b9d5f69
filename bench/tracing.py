"""What tracing costs per node, beside Langfuse's own handler sending to the same server."""

import asyncio
import gc
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from langfuse import Langfuse
from langfuse.langchain import CallbackHandler
from langgraph.graph import START, StateGraph
from opentelemetry.sdk.trace import TracerProvider
from typing_extensions import TypedDict

from twintrack.core.context import Context
from twintrack.core.langfuse_variables import LangfuseVariables
from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import TracingSettings, load_settings
from twintrack.core.tracing import Tracer
from twintrack.graphs.traced import traced

NODES = 10
_KEY = "sk-bench"
Run = Callable[[], Awaitable[Any]]

_SERVER = """
import http.server
class Discard(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Discard)
print(server.server_address[1], flush=True)
server.serve_forever()
"""


class _State(TypedDict):
    question: str
    passages: list[str]


async def measure(runs: int, rounds: int) -> dict[str, Any]:
    """Return process CPU per node that tracing adds, ours over the stock handler's."""
    with _discarding_server() as url:
        async with _sides(url) as sides:
            spent: dict[str, list[float]] = {name: [] for name in sides}
            for _ in range(rounds + 1):
                for name, (run, flush) in sides.items():
                    spent[name].append(await _cpu(run, flush, runs))
    run_ms = {name: statistics.median(values[1:]) for name, values in spent.items()}
    added = {name: (value - run_ms["bare"]) / NODES for name, value in run_ms.items() if name != "bare"}
    return {
        "per_node_ratio": round(added["ours"] / added["stock"], 2),
        "per_node_ratio_local": round(added["ours_local"] / added["stock"], 2),
        "per_node_ms": {name: round(value, 3) for name, value in added.items()},
        "run_ms": {name: round(value, 3) for name, value in run_ms.items()},
        "rounds": {name: [round(value, 3) for value in values[1:]] for name, values in spent.items()},
    }


async def _cpu(run: Run, flush: Callable[[], None], runs: int) -> float:
    gc.collect()
    started = time.process_time()
    for _ in range(runs):
        await run()
    await asyncio.to_thread(flush)
    return (time.process_time() - started) * 1000 / runs


@asynccontextmanager
async def _sides(url: str) -> AsyncIterator[dict[str, tuple[Run, Callable[[], None]]]]:
    stock = Langfuse(public_key="pk-bench", secret_key=_KEY, base_url=url, tracer_provider=TracerProvider())
    source = RedisSource(load_settings().redis)
    ours = Tracer(TracingSettings(), mask=_mask, variables=_variables(url))
    local = Tracer(TracingSettings(), mask=_mask, source=source, variables=_variables(None))
    try:
        yield {
            "bare": (_run(_graph()), lambda: None),
            "stock": (_run(_graph(), lambda: [CallbackHandler(public_key="pk-bench")]), stock.flush),
            "ours": (_run(traced(_graph(), ours)), ours.flush),
            "ours_local": (_run(traced(_graph(), local)), local.flush),
        }
    finally:
        await asyncio.to_thread(stock.shutdown)
        await ours.aclose()
        await local.aclose()
        await source.aclose()


def _run(graph: Any, callbacks: Callable[[], list[Any]] = list) -> Run:
    given = {"question": "What is kept on Redis?", "passages": ["Checkpoints are kept on Redis. " * 20] * 5}

    async def run() -> None:
        config = {"configurable": {"thread_id": uuid.uuid4().hex}, "callbacks": callbacks()}
        await graph.ainvoke(given, config, context=Context(user_id="bench"))

    return run


def _graph() -> Any:
    async def step(state: _State) -> dict[str, Any]:
        return {"question": state["question"]}

    graph = StateGraph(_State, context_schema=Context)
    names = [f"step {number}" for number in range(NODES)]
    for name, before in zip(names, [START, *names[:-1]], strict=True):
        graph.add_node(name, step)
        graph.add_edge(before, name)
    return graph.compile(name="bench")


def _mask(text: str) -> str:
    return text.replace("ada@example.org", "<email>")


def _variables(url: str | None) -> LangfuseVariables:
    keys: dict[str, Any] = {"public_key": "pk-bench-ours", "secret_key": _KEY, "base_url": url} if url else {}
    given: dict[str, Any] = {"public_key": None, "secret_key": None, **keys}
    return LangfuseVariables(**given)


@contextmanager
def _discarding_server() -> Iterator[str]:
    command = [sys.executable, "-c", _SERVER]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 (our own text)
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip() if process.stdout else ''}"
    finally:
        process.kill()
        process.wait()
