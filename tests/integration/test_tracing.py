"""A traced graph, embedded or compiled plainly, against a real OTLP endpoint."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.types import Command
from opentelemetry import trace as otel
from opentelemetry.sdk.trace import TracerProvider

from tests import traced_graph
from tests.otlp_capture import CapturedSpan, CaptureServer, langfuse_at, no_langfuse
from tests.waiting import PATIENCE_S
from twintrack.core.context import Context, Identity
from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import RedisSettings, TracingSettings
from twintrack.core.tracing import Tracer, trace_id_of
from twintrack.graphs.traced import TRACE_ID, TracedGraph, traced

SECRET = "canary-7f3a9c"
ADA = Context(tenant_id="acme", user_id="ada")


@pytest.fixture
def tracer(otlp: CaptureServer) -> Iterator[Tracer]:
    tracer = Tracer(TracingSettings(), variables=otlp.variables, mask=hide)
    yield tracer
    tracer.close()


@pytest.fixture
def graph(tracer: Tracer) -> TracedGraph:
    return traced(traced_graph.build().compile(checkpointer=InMemorySaver(), name="turn"), tracer)


def hide(text: str) -> str:
    return text.replace(SECRET, "<secret>")


def config(thread: str = "t1", **more: Any) -> Any:
    return {"configurable": {"thread_id": thread}, **more}


async def by_ainvoke(graph: TracedGraph, given: Any, where: Any) -> None:
    await graph.ainvoke(given, where, context=ADA)


async def by_astream(graph: TracedGraph, given: Any, where: Any) -> None:
    async for _ in graph.astream(given, where, context=ADA, stream_mode=["messages", "updates"], subgraphs=True):
        pass


async def by_events(graph: TracedGraph, given: Any, where: Any) -> None:
    async for _ in graph.astream_events(given, where, context=ADA):
        pass


async def by_batch(graph: TracedGraph, given: Any, where: Any) -> None:
    await graph.abatch([given], [where], context=ADA)


async def by_a_copy(graph: TracedGraph, given: Any, where: Any) -> None:
    await graph.copy({"checkpointer": InMemorySaver(), "name": "turn"}).ainvoke(given, where, context=ADA)


async def by_a_binding(graph: TracedGraph, given: Any, where: Any) -> None:
    bound = graph.with_config(tags=["bound"]).with_retry(stop_after_attempt=1)
    await bound.ainvoke(given, where, context=ADA)


@pytest.mark.parametrize("run", [by_ainvoke, by_astream, by_events, by_batch, by_a_copy, by_a_binding])
async def test_every_step_has_a_span_in_its_place_with_session_and_user(
    run: Callable[..., Any], graph: TracedGraph, tracer: Tracer, otlp: CaptureServer
) -> None:
    await run(graph, {"topic": "trees"}, config())
    tracer.flush()

    parents = {span.name: otlp.parent_of(span) for span in otlp.spans}
    assert len(otlp.named("piece")) == 2
    assert {name: parents[name] for name in traced_graph.NODES} == {
        **dict.fromkeys(("plan", "piece", "join", "approve"), "turn"),
        **dict.fromkeys(("inner_one", "inner_two"), "inner graph"),
    }
    assert parents["inner graph"] == "inner"
    assert parents["helper graph"] == "helper"
    assert parents["lookup"] == "tools"
    assert parents["tools"] == "helper graph"
    assert parents["ScriptedChatModel"] == "model"
    assert otlp.one("lookup").type == "tool"
    assert [span.type for span in otlp.named("ScriptedChatModel")] == ["generation"] * 2
    assert {(span.session, span.user) for span in otlp.spans} == {("t1", "ada")}
    assert {span.attributes["langfuse.trace.metadata.tenant"] for span in otlp.spans} == {'"acme"'}
    assert len(otlp.traces()) == 1
    assert parents["turn"] == ""


@pytest.mark.parametrize("run", [by_ainvoke, by_astream])
async def test_every_generation_carries_its_tokens(
    run: Callable[..., Any], graph: TracedGraph, tracer: Tracer, otlp: CaptureServer
) -> None:
    await run(graph, {"topic": "trees"}, config())
    tracer.flush()

    assert len(otlp.named("ScriptedChatModel")) == 2
    assert all(span.usage["total"] > 0 for span in otlp.named("ScriptedChatModel"))


async def test_sequential_and_concurrent_runs_are_separate_traces(
    graph: TracedGraph, tracer: Tracer, otlp: CaptureServer
) -> None:
    await by_ainvoke(graph, {"topic": "one"}, config("a"))
    await by_ainvoke(graph, {"topic": "two"}, config("a"))
    await asyncio.gather(*(by_astream(graph, {"topic": "more"}, config(thread)) for thread in ("b", "c")))
    tracer.flush()

    traces = list(otlp.traces().values())
    assert len(traces) == 4
    assert len({len(spans) for spans in traces}) == 1
    assert sorted({span.session or "" for span in spans}.pop() for spans in traces) == ["a", "a", "b", "c"]


async def test_streams_read_in_turns_by_one_task_stay_apart(
    graph: TracedGraph, tracer: Tracer, otlp: CaptureServer
) -> None:
    streams = [graph.astream({"topic": "x"}, config(name), context=ADA) for name in ("a", "b")]
    while streams:
        for stream in list(streams):
            if await anext(stream, None) is None:
                streams.remove(stream)
    tracer.flush()

    assert len(otlp.traces()) == 2
    assert all(len({span.session for span in spans}) == 1 for spans in otlp.traces().values())


async def test_an_interrupt_is_no_error_and_its_resumption_joins_the_trace(
    graph: TracedGraph, tracer: Tracer, otlp: CaptureServer
) -> None:
    await by_ainvoke(graph, {"topic": "ask"}, config())
    elsewhere = Tracer(TracingSettings(), variables=otlp.variables)
    again = traced(traced_graph.build().compile(checkpointer=graph.checkpointer, name="turn"), elsewhere)
    await by_ainvoke(again, Command(resume="yes"), config())
    elsewhere.close()
    tracer.flush()

    assert {span.level for span in otlp.spans} == {"DEFAULT"}
    assert len(otlp.traces()) == 1
    first, resumed = sorted(otlp.named("turn"), key=lambda span: span.parent)
    assert (first.parent, resumed.parent) == ("", first.id)
    assert first.attributes["langfuse.observation.metadata.outcome_status"] == '"interrupted"'
    assert resumed.attributes["langfuse.observation.metadata.outcome_status"] == '"done"'
    assert {otlp.parent_of(span) for span in otlp.named("approve")} == {"turn"}


async def test_a_new_question_after_an_interrupt_or_a_rollback_is_a_new_trace(
    graph: TracedGraph, tracer: Tracer, otlp: CaptureServer
) -> None:
    await by_ainvoke(graph, {"topic": "ask"}, config())
    await by_ainvoke(graph, {"topic": "trees"}, config())
    history = [state async for state in graph.aget_state_history(config())]
    fork = await graph.aupdate_state(history[-1].config, {"topic": "fork"}, as_node="__start__")
    await by_ainvoke(graph, None, fork)
    await by_ainvoke(graph, None, history[2].config)
    tracer.flush()

    assert len(otlp.traces()) == 4


async def test_a_crashed_run_goes_on_in_its_trace(graph: TracedGraph, tracer: Tracer, otlp: CaptureServer) -> None:
    with pytest.raises(RuntimeError):
        await by_ainvoke(graph, {"topic": "break"}, config())
    await graph.aupdate_state(config(), {"topic": "mended"})
    with pytest.raises(RuntimeError):
        await by_ainvoke(graph, {"topic": "break"}, config("other"))
    with pytest.raises(RuntimeError):
        await by_ainvoke(graph, None, config("other"))
    tracer.flush()

    assert len([span for span in otlp.named("turn") if span.session == "other"]) == 2
    assert len({span.trace for span in otlp.spans if span.session == "other"}) == 1


async def test_the_trace_id_is_known_before_in_and_after_a_run(
    graph: TracedGraph, tracer: Tracer, otlp: CaptureServer
) -> None:
    run = "00000000-0000-4000-8000-000000000001"
    known = trace_id_of("t1", run)
    state = await graph.ainvoke({"topic": "trees"}, config(run_id=run), context=ADA)
    tracer.flush()

    assert set(state["trace_ids"]) == {known}
    assert await graph.atrace_id(config()) == known
    assert list(otlp.traces()) == [known]


async def test_a_failure_is_an_error_on_the_step_and_the_turn(
    graph: TracedGraph, tracer: Tracer, otlp: CaptureServer
) -> None:
    with pytest.raises(RuntimeError):
        await by_ainvoke(graph, {"topic": "break"}, config())
    tracer.flush()

    assert {span.name for span in otlp.spans if span.level == "ERROR"} == {"join", "turn"}
    assert otlp.one("turn").attributes["langfuse.observation.status_message"] == "cannot join break"


async def test_a_stream_given_up_is_closed_as_a_warning(
    graph: TracedGraph, tracer: Tracer, otlp: CaptureServer
) -> None:
    stream = graph.astream({"topic": "trees"}, config(), context=ADA)
    await anext(stream)
    await stream.aclose()
    tracer.flush()

    assert otlp.one("turn").level == "WARNING"


async def test_a_cancelled_run_is_closed_with_a_reason(graph: TracedGraph, tracer: Tracer, otlp: CaptureServer) -> None:
    began = asyncio.Event()

    async def sleep(state: traced_graph.State) -> dict[str, Any]:
        began.set()
        await asyncio.sleep(PATIENCE_S)
        return {}

    slow = StateGraph(traced_graph.State)
    slow.add_node("sleep", sleep)
    slow.add_edge(START, "sleep")
    task = asyncio.create_task(traced(slow.compile(name="slow"), tracer).ainvoke({"topic": "x"}))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    tracer.flush()

    assert otlp.one("slow").attributes["langfuse.observation.status_message"] == "CancelledError"


async def test_no_secret_reaches_the_wire(graph: TracedGraph, tracer: Tracer, otlp: CaptureServer) -> None:
    nested = json.dumps({"args": json.dumps({"note": f"电话{SECRET}"})})
    with pytest.raises(RuntimeError, match=SECRET):
        await graph.ainvoke(
            {"topic": f"break {SECRET} {nested}", "messages": [("user", f"我的{SECRET}")]},
            config(f"thread {SECRET}", tags=[SECRET], metadata={"note": SECRET, "deep": {"list": [SECRET]}}),
            context=Context(user_id=SECRET, metadata={"note": SECRET}),
        )
    tracer.flush()

    assert len(otlp.named("piece")) == 2
    assert any("<secret>" in body.decode(errors="ignore") for body in otlp.bodies)
    assert not any(SECRET.encode() in body for body in otlp.bodies)
    assert len({span.session for span in otlp.spans}) == 1
    assert otlp.one("join").status == "cannot join break <secret> " + nested.replace(SECRET, "<secret>")


async def test_a_mask_that_breaks_hides_everything(otlp: CaptureServer) -> None:
    def broken(text: str) -> str:
        if SECRET in text:
            raise ValueError(text)
        return text

    tracer = Tracer(TracingSettings(), variables=otlp.variables, mask=broken)
    graph = traced(traced_graph.build().compile(), tracer)
    await graph.ainvoke({"topic": SECRET})
    tracer.close()

    assert otlp.spans
    assert not any(SECRET.encode() in body for body in otlp.bodies)


@pytest.mark.parametrize("thread", ["线程一", "x" * 300, "a b\n", ""])
async def test_ids_langfuse_would_drop_still_group_a_session(
    thread: str, graph: TracedGraph, tracer: Tracer, otlp: CaptureServer
) -> None:
    await graph.ainvoke({"topic": "trees"}, config(thread or "t"), context=Context(user_id="用户"))
    tracer.flush()

    assert all(span.session and span.user for span in otlp.spans)
    assert all((span.session or "").isascii() and len(span.session or "") <= 200 for span in otlp.spans)


@pytest.mark.parametrize("behaviour", ["hangs", "fails", "refuses key", "absent"])
async def test_a_broken_server_neither_slows_nor_breaks_a_run_and_says_so_once(
    behaviour: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with CaptureServer(behaviour="accepts" if behaviour == "absent" else behaviour) as server:
        variables = langfuse_at("http://127.0.0.1:9") if behaviour == "absent" else server.variables
        if behaviour == "hangs":  # whoever waited for it would wait longer than any machine takes for this graph
            variables = variables.model_copy(update={"timeout": PATIENCE_S})
        tracer = Tracer(TracingSettings(), variables=variables)
        graph = traced(traced_graph.build().compile(), tracer)
        with caplog.at_level(logging.INFO):
            for _ in range(3):
                started = time.monotonic()
                assert (await graph.ainvoke({"topic": "trees"}))["messages"][-1].text == "It is a word"
                assert time.monotonic() - started < 30
                tracer.flush(0.1)
            started = time.monotonic()
            await asyncio.to_thread(tracer.close, 4)
            assert time.monotonic() - started < 30
    if behaviour != "hangs":
        said = [record for record in caplog.records if record.levelno >= logging.WARNING]
        assert {record.name for record in said} == {"twintrack.tracing"}
        assert len([record for record in said if variables.base_url in record.getMessage()]) == 1


async def test_tracing_leaves_the_process_as_it_was(graph: TracedGraph, tracer: Tracer, otlp: CaptureServer) -> None:
    from langfuse._client.resource_manager import LangfuseResourceManager

    before = otel.get_tracer_provider()
    await by_astream(graph, {"topic": "trees"}, config())

    assert otel.get_tracer_provider() is before
    assert LangfuseResourceManager._instances == {}
    assert not otel.get_current_span().get_span_context().is_valid


async def test_spans_of_other_libraries_are_not_parents_and_stay_current_between_chunks(
    graph: TracedGraph, tracer: Tracer, otlp: CaptureServer
) -> None:
    with TracerProvider(shutdown_on_exit=False).get_tracer("web server").start_as_current_span("request") as request:
        async for _ in graph.astream({"topic": "trees"}, config(), context=ADA):
            assert otel.get_current_span() is request
        assert otel.get_current_span() is request
    tracer.flush()

    assert otlp.parent_of(otlp.one("turn")) == ""


async def test_inside_an_untraced_graph_it_traces_and_inside_a_traced_one_it_does_not_start_again(
    tracer: Tracer, otlp: CaptureServer
) -> None:
    def around(inner: Any) -> Any:
        outer = StateGraph(traced_graph.State)
        outer.add_node("ours", inner)
        outer.add_edge(START, "ours")
        return outer.compile(name="outer")

    inner = traced(traced_graph.build().compile(name="turn"), tracer)
    seen = Seen()
    await around(inner).ainvoke({"topic": "trees"}, config("host", callbacks=[seen]))
    await traced(around(inner), tracer).ainvoke({"topic": "trees"}, config("ours"))
    tracer.flush()

    assert "plan" in seen.names
    assert {otlp.parent_of(span) for span in otlp.named("turn") if span.session == "host"} == {""}
    assert {otlp.parent_of(span) for span in otlp.named("turn") if span.session == "ours"} == {"ours"}


async def test_callbacks_of_the_caller_and_of_the_run_are_called_once_and_afresh(
    otlp: CaptureServer, tracer: Tracer
) -> None:
    made: list[Seen] = []

    def handlers(present: Sequence[Any], _context: Any, _identity: Identity) -> list[BaseCallbackHandler]:
        assert mine in present
        made.append(Seen())
        return [made[-1]]

    for tracing in (tracer, Tracer(TracingSettings(keep_local=0), variables=no_langfuse())):
        made.clear()
        mine = Seen()
        graph = traced(traced_graph.build().compile(), tracing, run_handlers=handlers)
        for _ in range(2):
            await graph.copy().ainvoke({"topic": "trees"}, {"callbacks": [mine]})
        assert len(made) == 2
        assert [one.names.count("plan") for one in (*made, mine)] == [1, 1, 2]


async def test_without_keys_and_without_a_store_a_run_is_untouched() -> None:
    tracer = Tracer(TracingSettings(), variables=no_langfuse())
    graph = traced(traced_graph.build().compile(checkpointer=InMemorySaver()), tracer)
    state = await graph.ainvoke({"topic": "trees"}, config())

    assert not tracer.enabled
    assert set(state["trace_ids"]) == {""}
    assert TRACE_ID not in ((await graph.aget_state(config())).metadata or {})


@pytest.fixture
async def kept(source: RedisSource) -> AsyncIterator[Tracer]:
    tracer = Tracer(TracingSettings(keep_local=3), source=source, variables=no_langfuse(), mask=hide)
    yield tracer
    await asyncio.to_thread(tracer.close)


async def test_without_keys_the_trace_is_kept_in_redis_for_its_user_alone(kept: Tracer) -> None:
    assert kept.store
    graph = traced(traced_graph.build().compile(checkpointer=InMemorySaver(), name="turn"), kept)
    await by_ainvoke(graph, {"topic": "ask"}, config("线程"))
    await by_ainvoke(graph, Command(resume="yes"), config("线程"))
    await asyncio.to_thread(kept.flush)

    ada = Identity("acme", "ada")
    (found,) = await kept.store.list(ada, "线程")
    assert [root.name for root in found.roots] == ["turn"]
    assert {"plan", "inner_two", "lookup", "ScriptedChatModel"} <= {span.name for span in found.spans}
    assert found.usage["total"] > 0
    assert found.labels["status"] == "done"
    assert await kept.store.list(ada, "other") == []
    assert await kept.store.list(Identity("acme", "bob")) == []
    assert await kept.store.get(found.id, Identity("other", "ada")) is None


async def test_only_the_last_traces_are_kept_and_none_holds_a_secret(kept: Tracer) -> None:
    assert kept.store
    graph = traced(traced_graph.build().compile(name="turn"), kept)
    for number in range(5):
        with pytest.raises(RuntimeError):
            await graph.ainvoke({"topic": f"break {SECRET}"}, config(f"t{number}"))
    await asyncio.to_thread(kept.flush)

    found = await kept.store.list(Identity())
    assert [one.thread_id for one in found] == ["t4", "t3", "t2"]
    assert all(one.failed for one in found)
    client = kept.store.source.client()
    keys = await client.keys("*trace*")
    assert len(keys) == 4
    assert all([await client.ttl(key) > 0 for key in keys])
    assert SECRET not in json.dumps([one.as_json() for one in found])
    assert await kept.store.erase(Identity()) == 3
    assert await client.keys("*trace*") == []


async def test_a_hanging_langfuse_takes_nothing_from_the_traces_in_redis(source: RedisSource) -> None:
    with CaptureServer(behaviour="hangs") as server:
        tracer = Tracer(TracingSettings(), source=source, variables=server.variables)
        await traced(traced_graph.build().compile(), tracer).ainvoke({"topic": "trees"})
        await tracer.aclose(1)

    assert tracer.store
    assert len(await tracer.store.list(Identity())) == 1


async def test_a_span_made_by_hand_hangs_under_the_node_that_makes_it(tracer: Tracer, otlp: CaptureServer) -> None:
    async def look(state: traced_graph.State) -> dict[str, Any]:
        return {"done": [getattr(otel.get_current_span(), "name", "")]}

    graph = StateGraph(traced_graph.State)
    graph.add_node("first", look)
    graph.add_node("second", look)
    graph.add_edge(START, "first")
    graph.add_edge("first", "second")
    state = await traced(graph.compile(), tracer).ainvoke({"topic": "x"})

    assert state["done"] == ["first", "second"]


async def test_an_absent_redis_breaks_nothing_and_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    nowhere = RedisSource(RedisSettings.model_validate({"url": "redis://127.0.0.1:9"}))
    tracer = Tracer(TracingSettings(), source=nowhere, variables=no_langfuse())
    graph = traced(traced_graph.build().compile(), tracer)
    for _ in range(2):
        assert (await graph.ainvoke({"topic": "trees"}))["done"]
        await asyncio.to_thread(tracer.flush)
    await tracer.aclose()

    said = [record for record in caplog.records if record.levelno >= logging.WARNING and ":9" in record.getMessage()]
    assert [record.name for record in said] == ["twintrack.tracing"], "said once, whatever other tests left running say"


class Seen(BaseCallbackHandler):
    """Counts the steps it is told of."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def on_chain_start(self, *_: Any, **details: Any) -> None:
        self.names.append(details.get("name") or "")


def test_the_capture_server_reports_what_it_is_sent(otlp: CaptureServer) -> None:
    assert otlp.spans == []
    assert CapturedSpan(name="x", trace="", id="", parent="", attributes={}, status="").level == "DEFAULT"
