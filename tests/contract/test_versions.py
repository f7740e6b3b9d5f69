import operator
from typing import Annotated, Any

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import interrupt
from typing_extensions import TypedDict

from twintrack.core.context import Identity
from twintrack.core.errors import Conflict, InputError, UnknownThread, UnknownVersion
from twintrack.core.redis_client import RedisSource
from twintrack.memory.checkpoints import VersionedRedisSaver
from twintrack.memory.versions import Versions


class Talk(TypedDict, total=False):
    messages: Annotated[list[AnyMessage], add_messages]
    seen: Annotated[list[str], operator.add]
    inner: str


class Inner(TypedDict, total=False):
    seen: Annotated[list[str], operator.add]
    kept: Annotated[list[str], operator.add]
    inner: str


def _subgraph(checkpointer: bool | None) -> Any:
    async def remember(state: Inner) -> Inner:
        return {"kept": [state["seen"][-1]], "inner": "|".join([*state.get("kept", []), state["seen"][-1]])}

    builder = StateGraph(Inner)
    builder.add_node("remember", remember)
    builder.add_edge(START, "remember")
    return builder.compile(checkpointer=checkpointer)


def _graph(saver: Any, stateful: bool) -> Any:
    async def answer(state: Talk) -> Talk:
        return {"messages": [AIMessage(f"re: {state['messages'][-1].content}")]}

    inner = _subgraph(True if stateful else None)

    async def remember(state: Talk) -> Talk:
        return {"inner": (await inner.ainvoke({"seen": state["seen"]}))["inner"]}

    builder = StateGraph(Talk)
    builder.add_node("answer", answer)
    builder.add_node("remember", remember)
    builder.add_edge(START, "answer")
    builder.add_edge("answer", "remember")
    builder.add_edge("remember", END)
    return builder.compile(checkpointer=saver)


def _config(thread_id: str, **metadata: Any) -> Any:
    return {"configurable": {"thread_id": thread_id}, "metadata": metadata}


def _turn(word: str) -> Any:
    return {"messages": [HumanMessage(word, id=word)], "seen": [word]}


def _plain(state: Any) -> Any:
    return {**state, "messages": [message.content for message in state["messages"]]}


@pytest.fixture(params=[False, True], ids=["stateless subgraph", "stateful subgraph"])
def graph(source: RedisSource, request: pytest.FixtureRequest) -> Any:
    return _graph(VersionedRedisSaver(source=source), request.param)


async def _ends(versions: Versions, thread_id: str) -> list[str]:
    """Return the last version of each turn, oldest first."""
    listed = await versions.list(thread_id)
    return [version.id for version in reversed(listed) if not version.next and version.source == "loop"]


@pytest.mark.parametrize("turns", [0, 1, 2])
async def test_after_a_rollback_the_next_turn_continues_as_if_later_turns_had_never_been(
    graph: Any, turns: int
) -> None:
    versions = Versions(graph)
    words = ["a", "b", "c"]
    for word in words:
        await graph.ainvoke(_turn(word), _config("t"))
    target = (await _ends(versions, "t"))[turns]
    old = await graph.aget_state({"configurable": {"thread_id": "t", "checkpoint_id": target}})

    version = await versions.rollback("t", target, reason="wrong turn", actor="ada")

    now = await graph.aget_state(_config("t"))
    assert (now.values, now.next) == (old.values, old.next)
    assert now.config["configurable"]["checkpoint_id"] == version.id
    await graph.ainvoke(_turn("X"), _config("t"))
    for word in [*words[: turns + 1], "X"]:
        await graph.ainvoke(_turn(word), _config("fresh"))
    rolled, fresh = await graph.aget_state(_config("t")), await graph.aget_state(_config("fresh"))
    assert _plain(rolled.values) == _plain(fresh.values)
    assert rolled.metadata["step"] == fresh.metadata["step"]


async def test_a_rollback_to_before_a_subgraphs_first_run_lets_it_begin_anew(graph: Any) -> None:
    versions = Versions(graph)
    await graph.ainvoke(_turn("a"), _config("t"))
    first = (await versions.list("t"))[-1]
    assert first.source == "input"

    await versions.rollback("t", first.id, reason="start over", actor="ada")
    await graph.ainvoke(None, _config("t"))

    assert (await graph.aget_state(_config("t"))).values["inner"] == "a"


async def test_a_rollback_can_itself_be_rolled_back(graph: Any) -> None:
    versions = Versions(graph)
    for word in ["a", "b"]:
        await graph.ainvoke(_turn(word), _config("t"))
    ends = await _ends(versions, "t")
    await versions.rollback("t", ends[0], reason="r", actor="ada")
    await graph.ainvoke(_turn("X"), _config("t"))

    await versions.rollback("t", ends[1], reason="after all", actor="ada")
    state = await graph.ainvoke(_turn("c"), _config("t"))

    assert [message.content for message in state["messages"]] == ["a", "re: a", "b", "re: b", "c", "re: c"]
    assert "X" not in state["inner"]


async def test_a_rollback_deletes_nothing_and_says_who_and_why(graph: Any) -> None:
    versions = Versions(graph)
    for word in ["a", "b"]:
        await graph.ainvoke(_turn(word), _config("t", run_id="run-of-" + word))
    before = await versions.list("t")

    version = await versions.rollback("t", before[-1].id, reason="wrong turn", actor="ada")

    after = await versions.list("t")
    assert [v.id for v in after[1:]] == [v.id for v in before]
    assert after[0] == version
    assert (version.source, version.reason, version.actor) == ("rollback", "wrong turn", "ada")
    assert version.rolled_back_to == before[-1].id
    assert [v.is_head for v in after] == [True] + [False] * len(before)
    await graph.checkpointer.adelete_for_runs(["run-of-a"])
    assert (await versions.list("t"))[0].id == version.id


async def test_a_rollback_to_a_question_to_a_person_asks_it_again(source: RedisSource) -> None:
    async def ask(state: Talk) -> Talk:
        return {"seen": [interrupt("sure?")]}

    builder = StateGraph(Talk)
    builder.add_node("ask", ask)
    builder.add_edge(START, "ask")
    graph: Any = builder.compile(checkpointer=VersionedRedisSaver(source=source))
    versions = Versions(graph)
    await graph.ainvoke({"seen": ["q"]}, _config("t"))
    asked = (await versions.list("t"))[0]
    from langgraph.types import Command

    await graph.ainvoke(Command(resume="no"), _config("t"))
    await versions.rollback("t", asked.id, reason="changed my mind", actor="ada")

    again = await graph.ainvoke(None, _config("t"))
    assert [question.value for question in again["__interrupt__"]] == ["sure?"]
    assert (await graph.ainvoke(Command(resume="yes"), _config("t")))["seen"] == ["q", "yes"]


async def test_a_rollback_is_refused_while_another_run_writes(graph: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    versions, storage = Versions(graph), graph.checkpointer.storage
    await graph.ainvoke(_turn("a"), _config("t"))
    target = (await versions.list("t"))[-1].id
    read = storage.rows

    async def late(*arguments: Any) -> Any:
        rows = await read(*arguments)
        if len(arguments[1]) > 1 or late.armed:  # type: ignore[attr-defined] # set below
            await graph.ainvoke(_turn("b"), _config("t"))
        late.armed = True  # type: ignore[attr-defined] # the first read only looks the version up
        return rows

    late.armed = False  # type: ignore[attr-defined] # a plain flag
    monkeypatch.setattr(storage, "rows", late)

    with pytest.raises(Conflict):
        await versions.rollback("t", target, reason="r", actor="ada")


async def test_a_thread_is_there_only_for_its_owner(graph: Any) -> None:
    versions = Versions(graph)
    await graph.ainvoke(_turn("a"), _config("t", tenant_id="acme", user_id="ada"))
    ada, bob = Identity("acme", "ada"), Identity("acme", "bob")
    head = (await versions.list("t", identity=ada))[0]

    assert await versions.owner("t") == ada
    assert head.actor == "ada"
    for attempt in (
        versions.list("t", identity=bob),
        versions.get("t", identity=bob),
        versions.rollback("t", head.id, reason="r", actor="bob", identity=bob),
        versions.save("t", "mine", identity=bob),
        versions.diff("t", head.id, head.id, identity=bob),
        versions.fork("t", "copy", identity=bob),
        versions.prune("t", 1, identity=bob),
        versions.delete("t", identity=bob),
        versions.list("t", identity=Identity("other", "ada")),
    ):
        with pytest.raises(UnknownThread):
            await attempt
    assert len(await versions.list("t", identity=ada)) == 4


async def test_a_run_cannot_write_to_or_read_anothers_thread(graph: Any) -> None:
    await graph.ainvoke(_turn("a"), _config("t", user_id="ada"))

    with pytest.raises(UnknownThread):
        await graph.ainvoke(_turn("b"), _config("t", user_id="bob"))
    with pytest.raises(UnknownThread):
        await graph.aget_state(_config("t", user_id="bob"))
    assert len((await graph.aget_state(_config("t"))).values["messages"]) == 2


async def test_a_thread_of_nobody_belongs_to_the_default_identity(graph: Any) -> None:
    versions = Versions(graph)
    await graph.ainvoke(_turn("a"), _config("t"))

    assert await versions.owner("t") is None
    assert await versions.list("t", identity=Identity())
    with pytest.raises(UnknownThread):
        await versions.list("t", identity=Identity("default", "bob"))


async def test_a_name_finds_its_version_and_is_given_once(graph: Any) -> None:
    versions = Versions(graph)
    await graph.ainvoke(_turn("a"), _config("t"))
    saved = await versions.save("t", "第一 good")
    await graph.ainvoke(_turn("b"), _config("t"))

    assert saved.name == "第一 good"
    assert (await versions.get("t", "第一 good")).id == saved.id
    assert (await versions.save("t", "第一 good", version=saved.id)).id == saved.id
    with pytest.raises(InputError):
        await versions.save("t", "第一 good")
    with pytest.raises(UnknownVersion):
        await versions.get("t", "other")


async def test_a_diff_names_messages_by_id_and_other_channels_by_value(graph: Any) -> None:
    versions = Versions(graph)
    for word in ["a", "b"]:
        await graph.ainvoke(_turn(word), _config("t"))
    ends = await _ends(versions, "t")

    changes = await versions.diff("t", *ends)

    assert [message["content"] for message in changes["messages"]["added"]] == ["b", "re: b"]
    assert changes["messages"]["removed"] == changes["messages"]["changed"] == []
    assert changes["seen"] == {"before": ["a"], "after": ["a", "b"]}
    assert (await versions.diff("t", ends[1], ends[0]))["messages"]["removed"][0]["id"] == "b"
    assert await versions.diff("t", ends[0], ends[0]) == {}


async def test_a_fork_goes_its_own_way(graph: Any) -> None:
    versions = Versions(graph)
    await graph.ainvoke(_turn("a"), _config("t", user_id="ada"))
    await versions.save("t", "good")

    version = await versions.fork("t", "copy")
    await graph.ainvoke(_turn("b"), _config("copy", user_id="ada"))

    assert version.id == (await versions.list("t"))[0].id
    assert (await versions.get("copy", "good")).id == version.id
    assert await versions.owner("copy") == Identity("default", "ada")
    assert len((await graph.aget_state(_config("t"))).values["messages"]) == 2
    assert len((await graph.aget_state(_config("copy"))).values["messages"]) == 4
    with pytest.raises(InputError):
        await versions.fork("t", "copy")


async def test_an_unknown_thread_or_version_is_said_plainly(graph: Any) -> None:
    versions = Versions(graph)
    await graph.ainvoke(_turn("a"), _config("t"))

    with pytest.raises(UnknownThread, match="nowhere"):
        await versions.list("nowhere")
    with pytest.raises(UnknownVersion, match="v9"):
        await versions.rollback("t", "v9", reason="r", actor="ada")


async def test_erasing_a_user_leaves_no_key(graph: Any, source: RedisSource) -> None:
    versions = Versions(graph)
    for thread_id in ["t1", "t{2}", ""]:
        await graph.ainvoke(_turn("a"), _config(thread_id, user_id="ada", run_id="r" + thread_id))
    await graph.ainvoke(_turn("a"), _config("bobs", user_id="bob"))
    before = {key async for key in source.client().scan_iter()}

    assert await versions.erase(Identity("default", "ada")) == 3

    left = {key async for key in source.client().scan_iter()}
    assert left == {key for key in before if b"bobs" in key}
    assert [thread async for thread in versions.threads(Identity("default", "bob"))] == ["bobs"]


async def test_pruning_keeps_what_is_named_and_every_kept_version_can_be_gone_back_to(graph: Any) -> None:
    versions = Versions(graph)
    for word in "abcdef":
        await graph.ainvoke(_turn(word), _config("t"))
    ends = await _ends(versions, "t")
    await versions.save("t", "good", version=ends[1])

    gone = await versions.prune("t", 4)

    kept = await versions.list("t")
    assert gone > 0
    assert [version.name for version in kept] == ["", "", "", "", "good"]
    await versions.rollback("t", "good", reason="r", actor="ada")
    state = await graph.ainvoke(_turn("X"), _config("t"))
    for word in "abX":
        await graph.ainvoke(_turn(word), _config("fresh"))
    assert _plain(state) == _plain((await graph.aget_state(_config("fresh"))).values)
