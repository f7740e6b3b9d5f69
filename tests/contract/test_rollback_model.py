"""Any sequence of turns and rollbacks leaves what a fresh run of the turns that count leaves."""

import asyncio
import operator
from collections.abc import Sequence
from typing import Annotated, Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from langgraph.channels.delta import DeltaChannel
from langgraph.graph import END, START, StateGraph
from typing_extensions import TypedDict

from tests.examples import examples
from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import RedisSettings
from twintrack.memory.checkpoints import VersionedRedisSaver
from twintrack.memory.versions import Versions

TURN = st.sampled_from("abcd")
BACK = st.integers(0, 5)
"""How many turns ends to look back; further than there are means the first."""
STEPS = st.lists(st.one_of(TURN, TURN, BACK), min_size=2, max_size=7)
SHAPES = [
    "stateless node",
    "stateful node",
    "stateless call",
    "stateful call",
    "two stateful",
    "nested stateful",
    "delta stateful node",
]


class Outer(TypedDict, total=False):
    seen: Annotated[list[str], operator.add]
    inner: str
    other: str


def _append(held: list[str], added: Sequence[list[str]]) -> list[str]:
    return [*held, *(word for words in added for word in words)]


class Rebuilt(TypedDict, total=False):
    seen: Annotated[list[str], DeltaChannel(_append, snapshot_frequency=3)]
    inner: str
    other: str


class Inner(TypedDict, total=False):
    seen: list[str]
    kept: Annotated[list[str], operator.add]
    inner: str
    other: str


def _inner(out: str, checkpointer: bool | None, below: Any = None) -> Any:
    """Return a subgraph that keeps the last word of each of its runs, if it keeps anything."""

    async def keep(state: Inner) -> Inner:
        return {"kept": [state["seen"][-1]]}

    async def tell(state: Inner) -> Any:
        return {out: "|".join(state.get("kept", []))}

    builder = StateGraph(Inner)
    builder.add_node("keep", keep)
    builder.add_node("tell", tell)
    builder.add_edge(START, "keep")
    builder.add_edge("keep", "tell")
    if below is not None:
        builder.add_node("below", below)
        builder.add_edge("tell", "below")
    return builder.compile(checkpointer=checkpointer)


def _graph(saver: Any, shape: str) -> Any:
    keeps = True if "stateful" in shape else None
    inner = _inner("inner", keeps, _inner("other", True) if "nested" in shape else None)

    async def call(state: Outer) -> Outer:
        found = await inner.ainvoke({"seen": state["seen"]})
        return {"inner": found["inner"]}

    builder: Any = StateGraph(Rebuilt if "delta" in shape else Outer)
    builder.add_node("sub", call if "call" in shape else inner)
    builder.add_edge(START, "sub")
    if "two" in shape:
        builder.add_node("second", _inner("other", True))
        builder.add_edge("sub", "second")
        builder.add_edge("second", END)
    return builder.compile(checkpointer=saver)


async def _play(redis_url: str, shape: str, steps: list[Any]) -> tuple[Any, Any]:
    """Return the state after the steps and one more turn, and that of a fresh run of the turns that count."""
    source = RedisSource(RedisSettings.model_validate({"url": redis_url}))
    try:
        await source.client().flushall()
        saver = VersionedRedisSaver(source=source)
        graph, versions = _graph(saver, shape), Versions(_graph(saver, shape))
        ends: list[tuple[str, list[str]]] = []
        words: list[str] = []
        for step in [*steps, "z"]:
            if isinstance(step, str):
                await graph.ainvoke({"seen": [step]}, _at("t"))
                words = [*words, step]
            elif ends:
                version, words = ends[-min(step + 1, len(ends))]
                await versions.rollback("t", version, reason="r", actor="a")
            else:
                continue
            ends.append((await saver.storage.newest("t"), words))
        for word in words:
            await graph.ainvoke({"seen": [word]}, _at("fresh"))
        return await _told(graph, "t"), await _told(graph, "fresh")
    finally:
        await source.aclose()


async def _told(graph: Any, thread: str) -> Any:
    state = await graph.aget_state(_at(thread))
    return state.values, state.next, state.metadata["step"]


def _at(thread: str) -> Any:
    return {"configurable": {"thread_id": thread}}


@pytest.mark.parametrize("shape", SHAPES)
@examples(12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_turns_and_rollbacks_leave_what_the_turns_that_count_leave(
    redis_url: str, shape: str, steps: list[Any]
) -> None:
    rolled, fresh = asyncio.run(_play(redis_url, shape, steps))
    assert rolled == fresh
