from typing import Annotated, Any

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, RemoveMessage
from langgraph.graph import START, StateGraph
from langgraph.graph.message import add_messages
from typing_extensions import TypedDict

from tests.contract.checkpoint_makers import config, id_of, ids, put, state
from twintrack.core.errors import TwintrackError
from twintrack.core.redis_client import RedisSource
from twintrack.memory.checkpoint_lists import BLOCK_MOST
from twintrack.memory.checkpoints import VersionedRedisSaver

KEY = b"0123456789abcdef"
ITEMS = "twintrack:checkpoint:{t}:items"


@pytest.fixture(params=[None, KEY], ids=["plain", "encrypted"])
def saver(request: pytest.FixtureRequest, source: RedisSource) -> VersionedRedisSaver:
    return VersionedRedisSaver(source=source, encryption_key=request.param)


def _talk(count: int, start: int = 0) -> list[AnyMessage]:
    kinds = (HumanMessage, AIMessage)
    return [kinds[n % 2](f"{n} ".ljust(1000, "x"), id=str(n)) for n in range(start, start + count)]


async def _size(source: RedisSource) -> int:
    client = source.client()
    sizes = [await client.memory_usage(key, samples=0) async for key in client.scan_iter()]
    return sum(size or 0 for size in sizes)


async def _held(source: RedisSource) -> int:
    """Return the bytes of all items of the thread."""
    return sum(map(len, await source.client().hvals(ITEMS)))


@pytest.mark.parametrize("length", [0, 1, 2, 3, 15, 16, 17, 70, 3000])
async def test_a_list_of_any_length_comes_back(saver: VersionedRedisSaver, length: int) -> None:
    lists = {
        "messages": _talk(length),
        "numbers": [*range(length)],
        "texts": ["好" * 200, None, "x", {"a": [1]}] * length,
        "tuple": tuple("x" * 300 for _ in range(length)),
    }
    await put(saver, "t", lists)

    back = await state(saver, config("t"))
    assert back == lists | {"tuple": [*lists["tuple"]]}
    assert [type(message) for message in back["messages"]] == [type(message) for message in lists["messages"]]
    listed = [found.checkpoint["channel_values"] async for found in saver.alist(config("t"))]
    assert listed == [back]


async def test_every_version_of_a_list_that_is_edited_anywhere_comes_back(saver: VersionedRedisSaver) -> None:
    versions, current, where = list[list[AnyMessage]](), _talk(200), None
    for n in range(12):
        current = [*current[n:100], *_talk(3, start=1000 * (n + 1)), *current[100 + n :], *_talk(1, start=500 + n)]
        versions.append(current)
        where = await put(saver, "t", {"messages": current}, parent=where)

    found = [found.checkpoint["channel_values"]["messages"] async for found in saver.alist(config("t"))]
    assert found == versions[::-1]


async def test_a_conversation_grows_by_what_is_said(saver: VersionedRedisSaver, source: RedisSource) -> None:
    messages, where, sizes = _talk(800), None, list[int]()
    for n in range(40):
        messages = [*messages, *_talk(1, start=10_000 + n)]
        where = await put(saver, "t", {"messages": messages}, parent=where)
        sizes.append(await _size(source))

    assert (sizes[-1] - sizes[9]) / 30 < 4000
    assert (await state(saver, config("t")))["messages"] == messages


async def test_a_graph_that_removes_messages_keeps_its_older_versions(saver: VersionedRedisSaver) -> None:
    class Talk(TypedDict):
        messages: Annotated[list[AnyMessage], add_messages]

    async def answer(given: Talk) -> Any:
        return {"messages": [RemoveMessage(id=str(given["messages"][0].id)), *_talk(1, start=100)]}

    builder: Any = StateGraph(Talk)
    builder.add_node("answer", answer)
    builder.add_edge(START, "answer")
    graph = builder.compile(checkpointer=saver)
    await graph.ainvoke({"messages": _talk(5)}, config("t"))

    kept = [len(found.values.get("messages", [])) async for found in graph.aget_state_history(config("t"))]
    assert kept == [5, 5, 0]
    assert [m.id for m in (await graph.aget_state(config("t"))).values["messages"]] == ["1", "2", "3", "4", "100"]


async def test_a_version_sends_only_what_is_new(
    saver: VersionedRedisSaver, source: RedisSource, request: pytest.FixtureRequest
) -> None:
    messages = _talk(300)
    where = await put(saver, "t", {"messages": messages})
    other = VersionedRedisSaver(source=source, encryption_key=request.node.callspec.params["saver"])
    await state(other, config("t"))
    for writer in (saver, other):
        before = (await source.client().info("stats"))["total_net_input_bytes"]
        messages = [*messages, *_talk(1, start=len(messages))]
        where = await put(writer, "t", {"messages": messages}, parent=where)
        assert (await source.client().info("stats"))["total_net_input_bytes"] - before < 2 * BLOCK_MOST


async def test_what_another_process_removed_is_sent_again(saver: VersionedRedisSaver, source: RedisSource) -> None:
    messages = _talk(100)
    await put(saver, "t", {"messages": messages})
    await VersionedRedisSaver(source=source).adelete_thread("t")
    await put(saver, "t", {"messages": [*messages, *_talk(1, start=100)]})
    assert (await state(saver, config("t")))["messages"] == _talk(101)

    await put(VersionedRedisSaver(source=source), "t", {"messages": [], "n": 1})
    await VersionedRedisSaver(source=source).aprune(["t"])
    assert not await source.client().exists(ITEMS)
    await put(saver, "t", {"messages": messages})
    assert (await state(saver, config("t")))["messages"] == messages


async def test_removing_versions_keeps_just_what_the_others_share(
    saver: VersionedRedisSaver, source: RedisSource
) -> None:
    old = await put(saver, "t", {"messages": _talk(200), "other": _talk(5)}, run_id="r1")
    new = await put(saver, "t", {"messages": _talk(150, start=100)}, parent=old, run_id="r2")
    child = await put(saver, "t", {"messages": _talk(10, start=400)}, ns="child", run_id="r2")
    await saver.aput_writes(child, [("messages", _talk(2))], "task")

    await saver.adelete_for_runs(["r2"])
    assert await state(saver, config("t")) == {"messages": _talk(200), "other": _talk(5)}
    left = await _held(source)
    again = await put(saver, "t", {"messages": _talk(150, start=100)}, parent=old)
    await saver.aprune(["t"])
    assert await ids(saver, config("t")) == [id_of(again)] != [id_of(new)]
    assert (await state(saver, config("t")))["messages"] == _talk(150, start=100)
    assert 200_000 < left < 230_000
    assert 150_000 < await _held(source) < 180_000
    await put(saver, "t", {"n": 1})
    await saver.aprune(["t"])
    assert not await source.client().exists(ITEMS)


async def test_a_copy_shares_nothing_with_its_source(saver: VersionedRedisSaver) -> None:
    where = await put(saver, "t", {"messages": _talk(300)})
    await put(saver, "t", {"messages": _talk(301)}, parent=where)
    await saver.acopy_thread("t", "copy")
    await saver.adelete_thread("t")

    copied = [found.checkpoint["channel_values"]["messages"] async for found in saver.alist(config("copy"))]
    assert copied == [_talk(301), _talk(300)]
    await put(saver, "copy", {"messages": _talk(302)})
    assert (await state(saver, config("copy")))["messages"] == _talk(302)


async def test_a_list_whose_pieces_were_lost_is_an_error_and_not_a_shorter_list(
    saver: VersionedRedisSaver, source: RedisSource
) -> None:
    await put(saver, "t", {"messages": _talk(100)})
    await source.client().delete(ITEMS)

    with pytest.raises(TwintrackError, match="is gone from Redis"):
        await state(saver, config("t"))


async def test_sharing_goes_on_when_a_channel_becomes_something_else(saver: VersionedRedisSaver) -> None:
    for value in (_talk(100), {"x": 1}, None, _talk(101), "text", [1, 2]):
        await put(saver, "t", {"messages": value})
        assert (await state(saver, config("t")))["messages"] == value
