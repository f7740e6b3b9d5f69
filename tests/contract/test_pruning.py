"""Whoever prunes, and however: what has a name or waits for a person stays, and can be gone on from."""

import operator
from typing import Annotated, Any

import pytest
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt
from typing_extensions import TypedDict

from tests.contract.checkpoint_makers import config, id_of, ids, put
from twintrack.core.redis_client import RedisSource
from twintrack.memory.checkpoint_rows import member
from twintrack.memory.checkpoints import VersionedRedisSaver
from twintrack.memory.versions import Versions


@pytest.fixture
def saver(source: RedisSource) -> VersionedRedisSaver:
    return VersionedRedisSaver(source=source)


@pytest.mark.parametrize("options", [{}, {"strategy": "keep_latest"}, {"keep_last": 1}])
async def test_named_versions_and_questions_outlive_every_prune(
    saver: VersionedRedisSaver, options: dict[str, Any]
) -> None:
    where, stored = None, []
    for n in range(6):
        where = await put(saver, "t", {"n": n}, parent=where)
        stored.append(where)
    await saver.storage.name("t", "good", member("", id_of(stored[1])))
    await saver.aput_writes(stored[3], [("__interrupt__", "sure?")], "task")

    await saver.aprune(["t"], **options)
    assert await ids(saver, config("t")) == [id_of(stored[at]) for at in (5, 3, 1)]
    assert await saver.storage.info("t") == {b"name:good": member("", id_of(stored[1]))}


async def test_a_name_goes_with_the_version_that_a_dropped_run_made(saver: VersionedRedisSaver) -> None:
    first = await put(saver, "t", {"n": 1}, run_id="r1")
    second = await put(saver, "t", {"n": 2}, parent=first, run_id="r2")
    for name, where in (("first", first), ("second", second)):
        await saver.storage.name("t", name, member("", id_of(where)))

    await saver.adelete_for_runs(["r2"])
    assert await saver.storage.info("t") == {b"name:first": member("", id_of(first))}


class Words(TypedDict, total=False):
    words: Annotated[list[str], operator.add]
    ask: bool


def _asking(saver: VersionedRedisSaver, made: list[str]) -> Any:
    """Return a graph whose subgraph does something that must not be done twice, then asks."""

    async def act(state: Words) -> Words:
        made.append("act")
        return {"words": ["acted"]}

    async def ask(state: Words) -> Words:
        return {"words": [interrupt("sure?")] if state.get("ask") else ["unasked"]}

    inner: Any = StateGraph(Words)
    inner.add_node("act", act)
    inner.add_node("ask", ask)
    inner.add_edge(START, "act")
    inner.add_edge("act", "ask")
    builder: Any = StateGraph(Words)
    builder.add_node("inner", inner.compile())
    builder.add_edge(START, "inner")
    return builder.compile(checkpointer=saver)


@pytest.mark.parametrize("keep_last", [None, 1])
async def test_an_old_question_in_a_subgraph_is_answered_without_doing_again_what_came_before_it(
    saver: VersionedRedisSaver, keep_last: int | None
) -> None:
    made: list[str] = []
    graph = _asking(saver, made)
    await graph.ainvoke({"words": [], "ask": True}, config("t"))
    asked = (await Versions(graph).get("t")).id
    for _ in range(3):
        await graph.ainvoke({"words": [], "ask": False}, config("t"))
    made.clear()

    await saver.aprune(["t"], keep_last=keep_last)
    done = await graph.ainvoke(Command(resume="yes"), config("t", "", asked))
    assert (done["words"][-2:], made) == (["acted", "yes"], [])
