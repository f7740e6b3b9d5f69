from typing import Any

import pytest
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt

from tests.contract.talk_graph import Talk, config, plain, turn, turn_ends
from tests.contract.talk_graph import graph as graph
from twintrack.core.context import Identity
from twintrack.core.errors import Conflict, UnknownThread
from twintrack.core.redis_client import RedisSource
from twintrack.memory.checkpoints import VersionedRedisSaver
from twintrack.memory.versions import Versions


@pytest.mark.parametrize("turns", [0, 1, 2])
async def test_after_a_rollback_the_next_turn_continues_as_if_later_turns_had_never_been(
    graph: Any, turns: int
) -> None:
    versions = Versions(graph)
    words = ["a", "b", "c"]
    for word in words:
        await graph.ainvoke(turn(word), config("t"))
    target = (await turn_ends(versions, "t"))[turns]
    old = await graph.aget_state({"configurable": {"thread_id": "t", "checkpoint_id": target}})

    version = await versions.rollback("t", target, reason="wrong turn", actor="ada")

    now = await graph.aget_state(config("t"))
    assert (now.values, now.next) == (old.values, old.next)
    assert now.config["configurable"]["checkpoint_id"] == version.id
    await graph.ainvoke(turn("X"), config("t"))
    for word in [*words[: turns + 1], "X"]:
        await graph.ainvoke(turn(word), config("fresh"))
    rolled, fresh = await graph.aget_state(config("t")), await graph.aget_state(config("fresh"))
    assert plain(rolled.values) == plain(fresh.values)
    assert rolled.metadata["step"] == fresh.metadata["step"]


async def test_a_rollback_to_before_a_subgraphs_first_run_lets_it_begin_anew(graph: Any) -> None:
    versions = Versions(graph)
    await graph.ainvoke(turn("a"), config("t"))
    first = (await versions.list("t"))[-1]
    assert first.source == "input"

    await versions.rollback("t", first.id, reason="start over", actor="ada")
    await graph.ainvoke(None, config("t"))

    assert (await graph.aget_state(config("t"))).values["inner"] == "a"


async def test_a_rollback_can_itself_be_rolled_back(graph: Any) -> None:
    versions = Versions(graph)
    for word in ["a", "b"]:
        await graph.ainvoke(turn(word), config("t"))
    ends = await turn_ends(versions, "t")
    await versions.rollback("t", ends[0], reason="r", actor="ada")
    await graph.ainvoke(turn("X"), config("t"))

    await versions.rollback("t", ends[1], reason="after all", actor="ada")
    state = await graph.ainvoke(turn("c"), config("t"))

    assert [message.content for message in state["messages"]] == ["a", "re: a", "b", "re: b", "c", "re: c"]
    assert "X" not in state["inner"]


async def test_a_rollback_deletes_nothing_and_says_who_and_why(graph: Any) -> None:
    versions = Versions(graph)
    for word in ["a", "b"]:
        await graph.ainvoke(turn(word), config("t", run_id="run-of-" + word))
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
    await graph.ainvoke({"seen": ["q"]}, config("t"))
    asked = (await versions.list("t"))[0]
    from langgraph.types import Command

    await graph.ainvoke(Command(resume="no"), config("t"))
    await versions.rollback("t", asked.id, reason="changed my mind", actor="ada")

    again = await graph.ainvoke(None, config("t"))
    assert [question.value for question in again["__interrupt__"]] == ["sure?"]
    assert (await graph.ainvoke(Command(resume="yes"), config("t")))["seen"] == ["q", "yes"]


async def test_a_rollback_is_refused_while_another_run_writes(graph: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    versions, storage = Versions(graph), graph.checkpointer.storage
    await graph.ainvoke(turn("a"), config("t"))
    target = (await versions.list("t"))[-1].id
    read = storage.rows

    async def late(*arguments: Any) -> Any:
        rows = await read(*arguments)
        if len(arguments[1]) > 1 or late.armed:  # type: ignore[attr-defined] # set below
            await graph.ainvoke(turn("b"), config("t"))
        late.armed = True  # type: ignore[attr-defined] # the first read only looks the version up
        return rows

    late.armed = False  # type: ignore[attr-defined] # a plain flag
    monkeypatch.setattr(storage, "rows", late)

    with pytest.raises(Conflict):
        await versions.rollback("t", target, reason="r", actor="ada")


async def test_a_thread_is_there_only_for_its_owner(graph: Any) -> None:
    versions = Versions(graph)
    await graph.ainvoke(turn("a"), config("t", tenant_id="acme", user_id="ada"))
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
    await graph.ainvoke(turn("a"), config("t", user_id="ada"))

    with pytest.raises(UnknownThread):
        await graph.ainvoke(turn("b"), config("t", user_id="bob"))
    with pytest.raises(UnknownThread):
        await graph.aget_state(config("t", user_id="bob"))
    assert len((await graph.aget_state(config("t"))).values["messages"]) == 2


async def test_a_thread_of_nobody_belongs_to_the_default_identity(graph: Any) -> None:
    versions = Versions(graph)
    await graph.ainvoke(turn("a"), config("t"))

    assert await versions.owner("t") is None
    assert await versions.list("t", identity=Identity())
    with pytest.raises(UnknownThread):
        await versions.list("t", identity=Identity("default", "bob"))
