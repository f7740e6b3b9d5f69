"""The product's own graph against a capture server: a span for whatever ran, labelled, in the right trace, without secrets."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from tests.contract.conftest import WHO, Opener
from tests.otlp_capture import CapturedSpan, CaptureServer
from tests.stubbed_models import COMPLEX, SIMPLE, Stub, stubbed
from twintrack.app.assemble import App, build_graph
from twintrack.core.context import Context
from twintrack.graphs.traced import TracedGraph

WAYS = ["embedded", "plain"]
PERSONAL = ("greta.holm@example.org", "+1 415 555 2671", "sk-proj-a1B2c3D4e5F6g7H8i9J0k1L2m3N4")
ADA = Context(user_id=WHO.user_id)


@pytest.fixture
def sent(otlp: CaptureServer, monkeypatch: pytest.MonkeyPatch) -> CaptureServer:
    for name, value in otlp.environment.items():
        monkeypatch.setenv(name, value)
    return otlp


@asynccontextmanager
async def opened(
    opener: Opener, way: str, settings: dict[str, Any] | None = None
) -> AsyncIterator[tuple[App, TracedGraph, Stub]]:
    async with stubbed(opener, settings) as (app, stub):
        yield app, app.graph if way == "embedded" else build_graph(app.parts, checkpointer=InMemorySaver()), stub


def asked(question: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": question}]}


def on(thread: str) -> Any:
    return {"configurable": {"thread_id": thread}}


async def run(graph: TracedGraph, request: Any, thread: str) -> Counter[str]:
    """Run the graph; return how often each node ran, as the stream of updates tells it."""
    ran: Counter[str] = Counter()
    chunks: Any = graph.astream(request, on(thread), context=ADA, stream_mode="updates", subgraphs=True)
    async for _, updates in chunks:
        ran.update(name for name in updates if not name.startswith("__"))
    return ran


async def flush(app: App, capture: CaptureServer) -> list[CapturedSpan]:
    await asyncio.to_thread(app.parts.tracer.flush)
    return capture.spans


def of_type(spans: list[CapturedSpan], kind: str) -> list[CapturedSpan]:
    return [span for span in spans if span.type == kind]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("question", [SIMPLE, COMPLEX])
async def test_whatever_ran_has_its_span(opener: Opener, sent: CaptureServer, way: str, question: str) -> None:
    async with opened(opener, way) as (app, graph, stub):
        ran = await run(graph, asked(question), "t")
        spans = await flush(app, sent)
    assert {"admit", "recall", "route", "release", "remember"} <= set(ran)
    assert ({"direct", "retrieve", "answer"} if question == SIMPLE else {"plan", "agent", "tools", "compose"}) <= set(
        ran
    )
    names = Counter(span.name for span in spans)
    tracks = {name: ran[name] for name in ("direct", "team")}  # a track has a span as a step, and one as a graph
    assert {name: names[name] for name in ran} == {name: ran[name] + tracks.get(name, 0) for name in ran}
    assert len(of_type(spans, "generation")) == len(stub.server.requests) > 0
    assert len(of_type(spans, "tool")) == (0 if question == SIMPLE else 4)
    assert len({span.trace for span in spans}) == 1
    known = {span.id for span in spans}
    assert sum(not span.parent for span in spans) == 1
    assert all(span.parent in known for span in spans if span.parent)


@pytest.mark.parametrize("way", WAYS)
async def test_every_span_has_session_and_user_and_two_runs_are_two_traces(
    opener: Opener, sent: CaptureServer, way: str
) -> None:
    async with opened(opener, way) as (app, graph, _):
        await graph.ainvoke(asked(COMPLEX), on("one"), context=ADA)
        await run(graph, asked(SIMPLE), "one")
        spans = await flush(app, sent)
    assert {span.session for span in spans} == {"one"}
    assert {span.user for span in spans} == {WHO.user_id}
    assert len(sent.traces()) == 2
    assert [sum(not span.parent for span in trace) for trace in sent.traces().values()] == [1, 1]


@pytest.mark.parametrize("way", WAYS)
async def test_runs_at_once_stay_apart(opener: Opener, sent: CaptureServer, way: str) -> None:
    threads = [uuid4().hex for _ in range(4)]
    async with opened(opener, way) as (app, graph, _):
        await asyncio.gather(*(run(graph, asked(COMPLEX), thread) for thread in threads))
        await flush(app, sent)
    traces = sent.traces().values()
    assert sorted(str(trace[0].session) for trace in traces) == sorted(threads)
    assert all(len({span.session for span in trace}) == 1 for trace in traces)
    assert len({len(trace) for trace in traces}) == 1


@pytest.mark.parametrize("way", WAYS)
async def test_a_run_that_was_approved_goes_on_in_its_own_trace(opener: Opener, sent: CaptureServer, way: str) -> None:
    async with opened(opener, way, {"team": {"approve": ["calculator"]}}) as (app, graph, _):
        before = await run(graph, asked(COMPLEX), "t")
        assert "compose" not in before
        after = await run(graph, Command(resume={"decisions": [{"type": "approve"}]}), "t")
        assert {"agent", "compose", "release"} <= set(after)
        spans = await flush(app, sent)
    assert len(sent.traces()) == 1
    assert {(span.session, span.user) for span in spans} == {("t", WHO.user_id)}
    assert {"admit", "compose", "release"} <= {span.name for span in spans}
    assert not [span.name for span in spans if span.level == "ERROR"]


async def test_the_application_asks_streams_and_resumes_in_the_same_way(opener: Opener, sent: CaptureServer) -> None:
    async with opened(opener, "embedded", {"team": {"approve": ["calculator"]}}) as (app, _, _):
        waiting = await app.ask(COMPLEX, thread_id="t", user_id=WHO.user_id)
        done = await app.resume("t", [{"type": "approve"}], user_id=WHO.user_id)
        events = [event async for event in app.stream(SIMPLE, thread_id="t", user_id=WHO.user_id)]
        spans = await flush(app, sent)
    assert (waiting.status, done.status) == ("interrupted", "answered")
    assert waiting.trace_id == done.trace_id
    assert events[-1].answer is not None
    assert set(sent.traces()) == {done.trace_id, events[-1].answer.trace_id}
    assert {(span.session, span.user) for span in spans} == {("t", WHO.user_id)}


@pytest.mark.parametrize("way", WAYS)
async def test_every_model_call_tells_what_it_used(opener: Opener, sent: CaptureServer, way: str) -> None:
    async with opened(opener, way) as (app, graph, stub):
        await run(graph, asked(COMPLEX), "t")
        generations = of_type(await flush(app, sent), "generation")
    assert len(generations) == len(stub.server.requests)
    for generation in generations:
        assert generation.usage["input"] > 0
        assert generation.usage["output"] > 0
        assert generation.attributes["langfuse.observation.model.name"] in {"planner", "agent", "answerer"}


@pytest.mark.parametrize("way", [*WAYS, "asked"])
@pytest.mark.parametrize("question", [SIMPLE, COMPLEX])
async def test_nothing_personal_reaches_the_wire(opener: Opener, sent: CaptureServer, way: str, question: str) -> None:
    text = f"Mail {PERSONAL[0]} or call {PERSONAL[1]}, my key is {PERSONAL[2]}. {question}"
    async with opened(opener, "embedded" if way == "asked" else way) as (app, graph, stub):
        if way == "asked":
            await app.ask(text, thread_id="t", user_id=WHO.user_id)
        else:
            await run(graph, asked(text), "t")
        assert await flush(app, sent)
        requests = str(stub.server.requests)
    wire = b"".join(sent.bodies)
    assert question.encode()[:20] in wire
    for secret in PERSONAL:
        assert secret.encode() not in wire
        assert secret not in requests
