"""The compiled graph used as it is: its runs are metered, bounded and owned like the application's."""

import asyncio
import gc
import warnings
from typing import Any

import pytest
from langchain_core.callbacks import AsyncCallbackHandler
from langchain_core.messages import AIMessage, BaseMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_config
from langgraph.errors import GraphRecursionError

from tests.contract.conftest import WHO, Opener
from twintrack.app.assemble import App, build_graph
from twintrack.app.testing import ScriptedChatModel
from twintrack.core.context import Context
from twintrack.core.errors import UnknownThread, UnknownVersion
from twintrack.graphs.traced import TracedGraph
from twintrack.guardrails.budget import SpendMeter
from twintrack.guardrails.meters import limits_for

QUESTION = "How tall is the lighthouse of the harbour?"
ADA = Context(user_id=WHO.user_id)


def asked(question: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": question}]}


def on(thread: str, **more: Any) -> Any:
    return {"configurable": {"thread_id": thread}, **more}


def writer(meters: list[int] | None = None) -> ScriptedChatModel:
    """Return a model that notes how many meters each of its calls has."""

    def write(_: list[BaseMessage]) -> AIMessage:
        if meters is not None:
            callbacks: Any = get_config()["callbacks"]
            meters.append(sum(isinstance(handler, SpendMeter) for handler in callbacks.handlers))
        return AIMessage("The lighthouse is 41 metres tall. [1]")

    return ScriptedChatModel(script=write)


async def test_a_run_has_one_meter_in_every_way_of_use(opener: Opener) -> None:
    meters: list[int] = []
    async with opener(models={"answerer": writer(meters)}) as app:
        answer = await app.ask(QUESTION, user_id=WHO.user_id)
        assert answer.usage.model_calls == 1
        plain = build_graph(app.parts, checkpointer=InMemorySaver())
        for graph in (app.graph, plain, plain.copy(), plain.with_config(tags=["mine"])):
            await graph.ainvoke(asked(QUESTION), on("t"), context=ADA)
        mine = SpendMeter(limits_for(app.parts.settings.budgets, None))
        await plain.ainvoke(asked(QUESTION), on("u", callbacks=[mine]), context=ADA)
        await plain.with_config(callbacks=[mine]).ainvoke(asked(QUESTION), on("v"), context=ADA)
    assert meters == [1] * 7
    assert mine.usage()["model_calls"] == 2


@pytest.mark.parametrize(
    "context", [Context(user_id="ada", max_model_calls=0), {"user_id": "ada", "max_model_calls": 0}]
)
async def test_the_callers_own_limit_holds_in_the_plain_graph(opener: Opener, context: Any) -> None:
    model = writer()
    async with opener(models={"answerer": model}) as app:
        state = await app.graph.ainvoke(asked(QUESTION), on("t"), context=context)
    assert not model.prompts
    assert state["answer"]["status"] == "answered"
    assert "limit of 0 model calls" in state["degraded"]


class Waiting(AsyncCallbackHandler):
    """Not run inline: langchain-core makes a coroutine for each of its events."""


@pytest.mark.parametrize("mode", ["values", "messages", ["values", "messages"]])
@pytest.mark.parametrize("callbacks", [[], [Waiting()]])
async def test_a_call_that_is_stopped_leaves_no_handler_waiting(
    opener: Opener, mode: Any, callbacks: list[Any]
) -> None:
    model = writer()
    context = Context(user_id="ada", max_model_calls=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        async with opener(models={"answerer": model}) as app:
            run = app.graph.astream(asked(QUESTION), on("t", callbacks=callbacks), context=context, stream_mode=mode)
            assert [chunk async for chunk in run]
        gc.collect()
    assert not model.prompts


async def test_the_plain_graph_ends_at_the_settings_number_of_steps(opener: Opener) -> None:
    async with opener({"budgets": {"max_steps": 10}}) as app:
        plain = build_graph(app.parts, checkpointer=InMemorySaver()).with_config(tags=["mine"])
        limits = []
        for graph in (app.graph, plain, plain.copy()):
            async for _ in graph.astream(asked(QUESTION), on("t"), context=ADA):
                pass
            assert isinstance(graph, TracedGraph)
            limits.append((graph.config or {}).get("recursion_limit"))
        with pytest.raises(GraphRecursionError):
            await plain.with_config(recursion_limit=3).ainvoke(asked(QUESTION), on("u"), context=ADA)
    assert limits == [10, 10, 10]


async def test_a_thread_of_the_plain_graph_belongs_to_the_user_of_its_context(app: App) -> None:
    await app.graph.ainvoke(asked(QUESTION), on("t"), context=ADA)
    assert await app.versions.owner("t") == WHO
    with pytest.raises(UnknownThread):
        await app.graph.ainvoke(asked(QUESTION), on("t"), context=Context(user_id="eve"))
    with pytest.raises(UnknownThread):
        await app.ask(QUESTION, thread_id="t", user_id="eve")
    await app.ask(QUESTION, thread_id="t", user_id=WHO.user_id)
    assert len((await app.graph.aget_state(on("t"))).values["messages"]) == 4


async def test_a_context_of_json_owns_its_thread_too(app: App) -> None:
    context: Any = {"tenant_id": "acme", "user_id": "bob"}
    await app.graph.ainvoke(asked(QUESTION), on("t"), context=context)
    owner = await app.versions.owner("t")
    assert owner is not None
    assert (owner.tenant_id, owner.user_id) == ("acme", "bob")


async def test_the_notes_of_a_trace_are_the_same_whether_the_meter_stands_for_them_or_not(opener: Opener) -> None:
    async with opener(models={"answerer": writer()}) as app:
        store = app.parts.tracer.store
        assert store is not None
        told: list[list[tuple[str, str]]] = []
        for callbacks in ([], [Waiting()]):
            config = on(f"thread {len(told)}", callbacks=callbacks)
            await app.graph.ainvoke(asked(QUESTION), config, context=ADA)
            trace_id = await app.graph.atrace_id(config)
            await asyncio.to_thread(app.parts.tracer.flush)
            trace = await store.get(trace_id or "", WHO)
            assert trace is not None
            told.append(sorted((span.name, span.type) for span in trace.spans))
    assert told[0] == told[1]
    assert "generation" in [kind for _, kind in told[0]]


async def test_a_meter_of_the_callers_own_keeps_the_runs_it_counts_apart(opener: Opener) -> None:
    async with opener(models={"answerer": writer()}) as app:
        mine = SpendMeter(limits_for(app.parts.settings.budgets, None))
        runs = [app.graph.ainvoke(asked(QUESTION), on(str(i), callbacks=[mine]), context=ADA) for i in range(2)]
        await asyncio.gather(*runs)
        traces = [await app.graph.atrace_id(on(str(i))) for i in range(2)]
        await asyncio.to_thread(app.parts.tracer.flush)
        assert app.parts.tracer.store is not None
        found = [await app.parts.tracer.store.get(trace or "", WHO) for trace in traces]
    assert [len([span for span in one.spans if span.type == "generation"]) for one in found if one] == [1, 1]
    assert mine.usage()["model_calls"] == 2


async def test_a_version_that_is_not_there_is_refused_and_the_thread_keeps_its_state(opener: Opener) -> None:
    nowhere: Any = on("t")
    nowhere["configurable"]["checkpoint_id"] = "1f0c0000-0000-6000-8000-000000000000"
    async with opener(models={"answerer": writer()}) as app:
        for graph in (app.graph, build_graph(app.parts, checkpointer=InMemorySaver())):
            await graph.ainvoke(asked(QUESTION), on("t"), context=ADA)
            before = (await graph.aget_state(on("t"))).values["messages"]
            with pytest.raises(UnknownVersion):
                await graph.ainvoke(asked(QUESTION), nowhere, context=ADA)
            with pytest.raises(UnknownVersion):
                await graph.aupdate_state(nowhere, asked(QUESTION))
            assert (await graph.aget_state(on("t"))).values["messages"] == before
