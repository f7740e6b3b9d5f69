"""What the graph does for a thread by itself: back after a failed run, and old versions let go."""

import asyncio
import operator
from typing import Annotated, Any

import pytest
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt
from typing_extensions import TypedDict

from tests.contract.conftest import WHO, Opener
from twintrack.app.assemble import App
from twintrack.core.context import Context, Identity
from twintrack.core.errors import Conflict
from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import TracingSettings
from twintrack.core.tracing import Tracer
from twintrack.graphs.thread_care import ThreadCare
from twintrack.graphs.traced import traced
from twintrack.memory.checkpoints import VersionedRedisSaver
from twintrack.memory.versions import Versions

CONTEXT = Context(user_id="ada")


class Words(TypedDict, total=False):
    words: Annotated[list[str], operator.add]
    ask: bool
    answer: dict[str, str]


async def note(state: Words) -> Words:
    return {"words": [f"noted {state['words'][-1]}"]}


async def act(state: Words) -> Words:
    if state.get("ask"):
        return {"words": [interrupt("sure?")], "ask": False}
    if "break" in state["words"]:
        raise ValueError("with a secret")
    failed = "fail" in state["words"]
    return {"answer": {"status": "failed", "reason": "no tool answered"} if failed else {"status": "answered"}}


@pytest.fixture
def tracer(source: RedisSource) -> Tracer:
    return Tracer(TracingSettings(), source=source)


def _graph(source: RedisSource, tracer: Tracer, **care: Any) -> Any:
    builder = StateGraph(Words, context_schema=Context)
    builder.add_node("note", note)
    builder.add_node("act", act)
    builder.add_edge(START, "note")
    builder.add_edge("note", "act")
    builder.add_edge("act", END)
    saver = VersionedRedisSaver(source=source, single_writer=True)
    return traced(builder.compile(checkpointer=saver), tracer, care=ThreadCare(**care))


def _at(thread: str = "t") -> Any:
    return {"configurable": {"thread_id": thread}}


async def _run(graph: Any, word: str, **options: Any) -> Any:
    return await graph.ainvoke({"words": [word], **options}, _at(), context=CONTEXT)


async def _traces(tracer: Tracer) -> list[dict[str, str]]:
    tracer.flush()
    assert tracer.store
    return [trace.labels for trace in await tracer.store.list(Identity("default", "ada"))]


@pytest.mark.parametrize("traced_too", [True, False])
async def test_a_run_that_breaks_after_writing_is_taken_back(
    source: RedisSource, tracer: Tracer, traced_too: bool
) -> None:
    graph = _graph(source, tracer, on_error="rollback")
    await _run(graph, "good")
    if not traced_too:
        await tracer.aclose()
    good = await graph.aget_state(_at())

    with pytest.raises(ValueError, match="secret"):
        await _run(graph, "break")

    state = await graph.aget_state(_at())
    assert (state.values, state.next) == (good.values, good.next)
    versions = await Versions(graph).list("t")
    assert versions[0].rolled_back_to == good.config["configurable"]["checkpoint_id"]
    assert (versions[0].actor, versions[0].reason) == ("on_error", "the run broke (ValueError)")
    assert ["noted break" in (await Versions(graph).state("t", one.id))["words"] for one in versions].count(True) == 1
    if traced_too:
        labels = (await _traces(tracer))[0]
        assert (labels["status"], labels["rolled_back_because"]) == ("failed", "the run broke (ValueError)")
        assert labels["rolled_back_to"] == versions[0].rolled_back_to
    assert (await _run(graph, "next"))["words"] == ["good", "noted good", "next", "noted next"]


async def test_a_run_that_ends_in_a_failed_answer_is_taken_back_with_its_reason(
    source: RedisSource, tracer: Tracer
) -> None:
    graph = _graph(source, tracer, on_error="rollback")
    await _run(graph, "good")
    assert (await _run(graph, "fail"))["answer"]["status"] == "failed"
    assert (await Versions(graph).get("t")).reason == "no tool answered"
    assert (await graph.aget_state(_at())).values["words"] == ["good", "noted good"]
    assert (await _traces(tracer))[0]["rolled_back_because"] == "no tool answered"


async def test_an_answer_to_a_question_that_breaks_leads_back_to_the_question(
    source: RedisSource, tracer: Tracer
) -> None:
    graph = _graph(source, tracer, on_error="rollback")
    await _run(graph, "good", ask=True)
    with pytest.raises(TypeError):
        await graph.ainvoke(Command(resume=object()), _at(), context=CONTEXT)
    assert (await graph.aget_state(_at())).interrupts
    await graph.ainvoke(Command(resume="yes"), _at(), context=CONTEXT)
    assert (await graph.aget_state(_at())).values["words"] == ["good", "noted good", "yes"]


async def test_without_the_policy_a_broken_run_stays(source: RedisSource, tracer: Tracer) -> None:
    graph = _graph(source, tracer)
    await _run(graph, "good")
    with pytest.raises(ValueError, match="secret"):
        await _run(graph, "break")
    assert (await graph.aget_state(_at())).values["words"][-1] == "noted break"
    assert (await Versions(graph).get("t")).rolled_back_to == ""


async def test_the_first_run_of_a_thread_has_nothing_to_go_back_to(source: RedisSource, tracer: Tracer) -> None:
    graph = _graph(source, tracer, on_error="rollback")
    with pytest.raises(ValueError, match="secret"):
        await _run(graph, "break")
    assert (await graph.aget_state(_at())).values["words"][-1] == "noted break"


async def test_only_the_newest_versions_stay_with_those_named_and_asked_about(
    source: RedisSource, tracer: Tracer
) -> None:
    graph = _graph(source, tracer, keep_last=5)
    versions = Versions(graph)
    await _run(graph, "w0")
    named = (await versions.save("t", "good")).id
    await _run(graph, "w1", ask=True)
    asked = (await versions.get("t")).id
    for word in range(2, 12):
        await _run(graph, f"w{word}", ask=False)
        kept = await versions.list("t")
        assert len([one for one in kept if one.id not in (named, asked)]) <= 5
    assert {named, asked} <= {one.id for one in kept}
    await versions.rollback("t", "good", reason="r", actor="ada")
    assert (await _run(graph, "X"))["words"] == ["w0", "noted w0", "X", "noted X"]


async def test_looking_after_a_thread_costs_no_more_when_it_has_had_more_turns(
    source: RedisSource, tracer: Tracer
) -> None:
    graph = _graph(source, tracer, keep_last=10)
    sizes = []
    for word in range(40):
        await _run(graph, f"w{word}")
        sizes.append(await graph.checkpointer.storage.count("t"))
    assert max(sizes) <= 11
    assert await source.client().hlen("twintrack:checkpoint:{t}:rows") <= 11


async def test_the_settings_reach_the_application(opener: Opener) -> None:
    async with opener({"checkpoints": {"keep_last": 6, "on_error": "rollback"}}) as app:
        for question in ("How tall is the lighthouse?", "Who founded the library?", "茶园的主人是谁?"):
            answer = await app.ask(question, thread_id="t", user_id=WHO.user_id)
        assert answer.status == "answered"
        kept = await app.versions.list("t", identity=WHO)
        assert len(kept) == 6
        assert kept[0].id == answer.version
        assert app.graph.care == ThreadCare(on_error="rollback", keep_last=6)


async def test_a_failed_turn_of_the_application_is_taken_back(opener: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opener({"checkpoints": {"on_error": "rollback"}}) as app:
        good = await app.ask("How tall is the lighthouse?", thread_id="t", user_id=WHO.user_id)

        async def broken(*_: Any, **__: Any) -> Any:
            raise ConnectionError("gone")

        monkeypatch.setattr(app.parts.resources.embedder, "embed_one", broken)
        failed = await app.ask("Who is the harbour master?", thread_id="t", user_id=WHO.user_id)

        assert failed.status == "failed"
        head = await app.versions.get("t", identity=WHO)
        assert (head.id, head.rolled_back_to, head.actor) == (failed.version, good.version, "on_error")
        assert failed.trace_id != good.trace_id
        assert await _said(app) == ["How tall is the lighthouse?", good.text]


async def _said(app: App) -> list[str]:
    return [message.text for message in (await app.graph.aget_state(_at())).values["messages"]]


async def test_a_run_that_another_has_overtaken_takes_nothing_of_it_back(source: RedisSource, tracer: Tracer) -> None:
    paused, resumed = asyncio.Event(), asyncio.Event()

    async def stall(state: Words) -> Words:
        if "slow" in state["words"]:
            paused.set()
            await resumed.wait()
        return {"words": ["done"]}

    builder = StateGraph(Words, context_schema=Context)
    builder.add_node("stall", stall)
    builder.add_edge(START, "stall")
    compiled = builder.compile(checkpointer=VersionedRedisSaver(source=source, single_writer=True))
    graph = traced(compiled, tracer, care=ThreadCare(on_error="rollback"))
    await _run(graph, "first")
    slow = asyncio.create_task(graph.ainvoke({"words": ["slow"]}, _at(), context=CONTEXT, durability="sync"))
    await paused.wait()
    back = await Versions(graph).rollback("t", (await Versions(graph).list("t"))[-1].id, reason="r", actor="ada")
    resumed.set()
    with pytest.raises(Conflict):
        await slow
    assert (await Versions(graph).get("t")).id == back.id


@pytest.mark.parametrize("writes_more", [False, True], ids=["before it writes again", "after it has written again"])
async def test_a_run_that_fails_after_another_has_finished_takes_back_its_own_versions_alone(
    source: RedisSource, tracer: Tracer, writes_more: bool
) -> None:
    paused, resumed = asyncio.Event(), asyncio.Event()

    async def stall(state: Words) -> Words:
        if state["words"][-1] == "slow":
            paused.set()
            await resumed.wait()
            if not writes_more:
                raise ValueError("with a secret")
        return {"words": ["stalled"]}

    async def end(state: Words) -> Words:
        if "slow" in state["words"] and "second" not in state["words"]:
            raise ValueError("with a secret")
        return {"answer": {"status": "answered"}}

    builder = StateGraph(Words, context_schema=Context)
    builder.add_node("stall", stall)
    builder.add_node("end", end)
    builder.add_edge(START, "stall")
    builder.add_edge("stall", "end")
    # Nothing keeps the two apart: no lease, and a saver that takes every version.
    compiled = builder.compile(checkpointer=VersionedRedisSaver(source=source))
    graph = traced(compiled, tracer, care=ThreadCare(on_error="rollback"))
    await _run(graph, "first")
    slow = asyncio.create_task(_run(graph, "slow"))
    await paused.wait()
    second = await _run(graph, "second")
    finished = await graph.aget_state(_at())
    resumed.set()
    with pytest.raises(ValueError, match="secret"):
        await slow

    assert (await graph.aget_state(_at())).values == finished.values == second
    head = await Versions(graph).get("t")
    assert head.rolled_back_to == (finished.config["configurable"]["checkpoint_id"] if writes_more else "")


async def test_a_failure_that_was_kept_is_no_good_version(source: RedisSource, tracer: Tracer) -> None:
    keeps, goes_back = _graph(source, tracer), _graph(source, tracer, on_error="rollback")
    await _run(keeps, "good")
    good = (await Versions(keeps).get("t")).id
    await _run(keeps, "fail")
    with pytest.raises(ValueError, match="secret"):
        await _run(goes_back, "break")

    assert (await Versions(goes_back).get("t")).rolled_back_to == good
    assert (await goes_back.aget_state(_at())).values["words"] == ["good", "noted good"]


async def test_a_version_that_a_person_chose_is_good_whatever_it_holds(source: RedisSource, tracer: Tracer) -> None:
    graph = _graph(source, tracer, on_error="rollback")
    await _run(graph, "good")
    halfway = next(one for one in await Versions(graph).list("t") if one.next == ["act"])
    await Versions(graph).rollback("t", halfway.id, reason="look again", actor="ada")
    with pytest.raises(ValueError, match="secret"):
        await _run(graph, "break")

    assert (await graph.aget_state(_at())).next == ("act",)
