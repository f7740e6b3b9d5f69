import asyncio
import operator
import random
from collections.abc import Sequence
from typing import Annotated, Any

import pytest
from langgraph.channels.delta import DeltaChannel
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt
from typing_extensions import TypedDict

from tests.contract.checkpoint_makers import ids
from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import RedisSettings
from twintrack.memory.checkpoints import VersionedRedisSaver
from twintrack.memory.versions import Versions


def _append(held: list[str], added: Sequence[list[str]]) -> list[str]:
    return [*held, *(item for items in added for item in items)]


class Deltas(TypedDict, total=False):
    words: Annotated[list[str], DeltaChannel(_append, snapshot_frequency=4)]


class Words(TypedDict, total=False):
    words: Annotated[list[str], operator.add]


def _wide(saver: Any, width: int = 6) -> Any:
    """Return a graph of which `width` nodes write one delta channel at once."""
    builder = StateGraph(Deltas)
    for n in range(width):

        async def write(state: Deltas, n: int = n) -> Deltas:
            await asyncio.sleep(random.random() / 500)
            return {"words": [f"{n}:{len(state.get('words', []))}"]}

        builder.add_node(f"write{n}", write)
        builder.add_edge(START, f"write{n}")
        builder.add_edge(f"write{n}", END)
    return builder.compile(checkpointer=saver)


def _config(thread_id: str = "t", **metadata: Any) -> Any:
    return {"configurable": {"thread_id": thread_id}, "metadata": metadata}


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
async def test_parallel_writes_to_a_delta_channel_are_replayed_in_their_order(
    source: RedisSource, durability: Any
) -> None:
    graph = _wide(VersionedRedisSaver(source=source))
    for turn in range(7):
        live = await graph.ainvoke({"words": [f"in{turn}"]}, _config(), durability=durability)
        stored = await graph.aget_state(_config())
        assert stored.values["words"] == live["words"]


async def test_the_one_call_walk_gives_what_the_step_by_step_walk_gives(source: RedisSource) -> None:
    saver = VersionedRedisSaver(source=source)
    graph = _wide(saver)
    for turn in range(6):
        await graph.ainvoke({"words": [f"in{turn}"]}, _config())
    async for found in saver.alist(_config() | {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}):
        walked = await super(VersionedRedisSaver, saver).aget_delta_channel_history(
            config=found.config, channels=["words"]
        )
        assert await saver.aget_delta_channel_history(config=found.config, channels=["words"]) == walked


@pytest.mark.parametrize("how", ["keep_latest", "keep_last", "drop_run", "copy"])
async def test_what_a_delta_channel_is_rebuilt_from_outlives_its_thread_being_pruned(
    source: RedisSource, how: str
) -> None:
    saver = VersionedRedisSaver(source=source)
    graph = _wide(saver, 2)
    for turn in range(7):
        live = await graph.ainvoke({"words": [f"in{turn}"]}, _config(run_id=f"run{turn}"))
    before = len(await ids(saver, _config()))

    if how == "keep_latest":
        await saver.aprune(["t"])
    elif how == "keep_last":
        await saver.aprune(["t"], keep_last=2)
    elif how == "drop_run":
        await saver.adelete_for_runs(["run1", "run5"])
    else:
        await saver.acopy_thread("t", "u")
        await saver.adelete_thread("t")
        await saver.acopy_thread("u", "t")

    assert (await graph.aget_state(_config())).values["words"] == live["words"]
    assert (len(await ids(saver, _config())) < before) == (how != "copy")
    after = await graph.ainvoke({"words": ["more"]}, _config())
    assert after["words"][: len(live["words"])] == live["words"]


async def test_a_delta_channel_can_be_rolled_back(source: RedisSource) -> None:
    graph = _wide(VersionedRedisSaver(source=source), 2)
    versions = Versions(graph)
    states = [(await graph.ainvoke({"words": [f"in{n}"]}, _config()))["words"] for n in range(6)]
    ends = [v.id for v in reversed(await versions.list("t")) if not v.next]

    for turn in (4, 1, 3):
        await versions.rollback("t", ends[turn], reason="r", actor="ada")
        assert (await graph.aget_state(_config())).values["words"] == states[turn]
    after = await graph.ainvoke({"words": ["X"]}, _config())
    assert after["words"][: len(states[3]) + 1] == [*states[3], "X"]


async def test_sixty_four_threads_run_at_once_on_a_small_pool(redis_url: str) -> None:
    source = RedisSource(RedisSettings.model_validate({"url": redis_url, "max_connections": 8}))
    graph = _wide(VersionedRedisSaver(source=source), 3)

    said = await asyncio.gather(*(graph.ainvoke({"words": ["in"]}, _config(f"t{n}")) for n in range(64)))

    assert all(len(each["words"]) == 4 for each in said)
    await source.aclose()


async def test_a_question_to_a_person_survives_and_is_answered_once(source: RedisSource) -> None:
    ran = []

    async def ask(state: Words) -> Words:
        ran.append("ask")
        return {"words": [interrupt("which?")]}

    async def beside(state: Words) -> Words:
        ran.append("beside")
        return {"words": ["beside"]}

    def graph() -> Any:
        builder = StateGraph(Words)
        builder.add_node("ask", ask)
        builder.add_node("beside", beside)
        builder.add_edge(START, "ask")
        builder.add_edge(START, "beside")
        return builder.compile(checkpointer=VersionedRedisSaver(source=source))

    await graph().ainvoke({"words": []}, _config())
    assert (await graph().aget_state(_config())).interrupts[0].value == "which?"
    said = await graph().ainvoke(Command(resume="this"), _config())

    assert sorted(said["words"]) == ["beside", "this"]
    assert ran.count("beside") == 1
