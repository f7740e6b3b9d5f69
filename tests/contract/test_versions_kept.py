"""Versions under a name, compared, copied, let go and erased."""

import asyncio
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langgraph.graph import START, StateGraph

from tests.contract.talk_graph import Talk, config, plain, turn, turn_ends
from tests.contract.talk_graph import graph as graph
from twintrack.app.testing import ScriptedChatModel
from twintrack.core.context import Identity
from twintrack.core.errors import InputError, TwintrackError, UnknownThread, UnknownVersion
from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import BudgetSettings
from twintrack.guardrails.budget import SpendMeter
from twintrack.guardrails.meters import limits_for
from twintrack.memory.checkpoints import VersionedRedisSaver
from twintrack.memory.versions import Versions


async def test_a_name_finds_its_version_and_is_given_once(graph: Any) -> None:
    versions = Versions(graph)
    await graph.ainvoke(turn("a"), config("t"))
    saved = await versions.save("t", "第一 good")
    await graph.ainvoke(turn("b"), config("t"))

    assert saved.name == "第一 good"
    assert (await versions.get("t", "第一 good")).id == saved.id
    assert (await versions.save("t", "第一 good", version=saved.id)).id == saved.id
    with pytest.raises(InputError):
        await versions.save("t", "第一 good")
    with pytest.raises(UnknownVersion):
        await versions.get("t", "other")
    with pytest.raises(InputError, match="is the id of a version"):
        await versions.save("t", saved.id)


async def test_a_version_pruned_while_it_is_named_leaves_no_name(graph: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    versions, storage = Versions(graph), graph.checkpointer.storage
    for word in "abc":
        await graph.ainvoke(turn(word), config("t"))
    first, give = (await versions.list("t"))[-1].id, storage.name

    async def prune_first(*arguments: Any) -> Any:
        await versions.prune("t", 2)
        return await give(*arguments)

    monkeypatch.setattr(storage, "name", prune_first)
    with pytest.raises(UnknownVersion):
        await versions.save("t", "good", version=first)
    assert b"name:good" not in await storage.info("t")


async def test_a_version_tells_what_its_run_had_spent(source: RedisSource) -> None:
    async def think(state: Talk) -> Talk:
        said = AIMessage("hm", usage_metadata={"input_tokens": 20, "output_tokens": 3, "total_tokens": 23})
        return {"messages": [await ScriptedChatModel(script=lambda _: said).ainvoke("q")]}

    builder = StateGraph(Talk)
    builder.add_node("think", think)
    builder.add_node("again", think)
    builder.add_edge(START, "think")
    builder.add_edge("think", "again")
    graph: Any = builder.compile(checkpointer=VersionedRedisSaver(source=source))
    meter = SpendMeter(limits_for(BudgetSettings(), None))
    await graph.ainvoke(turn("a"), {**config("t"), "callbacks": [meter]}, durability="sync")

    listed = await Versions(graph).list("t")
    assert [version.tokens for version in listed] == [46, 23, 0, 0]
    assert listed[0].usage == {"model_calls": 2, "tool_calls": 0, "input_tokens": 40, "output_tokens": 6}
    version = await Versions(graph).rollback("t", listed[0].id, reason="r", actor="ada")
    assert version.tokens == 0, "going back costs nothing"


async def test_a_diff_names_messages_by_id_and_other_channels_by_value(graph: Any) -> None:
    versions = Versions(graph)
    for word in ["a", "b"]:
        await graph.ainvoke(turn(word), config("t"))
    ends = await turn_ends(versions, "t")

    changes = await versions.diff("t", *ends)

    assert [message["content"] for message in changes["messages"]["added"]] == ["b", "re: b"]
    assert changes["messages"]["removed"] == changes["messages"]["changed"] == []
    assert changes["seen"] == {"before": ["a"], "after": ["a", "b"]}
    assert (await versions.diff("t", ends[1], ends[0]))["messages"]["removed"][0]["id"] == "b"
    assert await versions.diff("t", ends[0], ends[0]) == {}


async def test_a_fork_goes_its_own_way(graph: Any) -> None:
    versions = Versions(graph)
    await graph.ainvoke(turn("a"), config("t", user_id="ada"))
    await versions.save("t", "good")

    version = await versions.fork("t", "copy")
    await graph.ainvoke(turn("b"), config("copy", user_id="ada"))

    assert version.id == (await versions.list("t"))[0].id
    assert (await versions.get("copy", "good")).id == version.id
    assert await versions.owner("copy") == Identity("default", "ada")
    assert len((await graph.aget_state(config("t"))).values["messages"]) == 2
    assert len((await graph.aget_state(config("copy"))).values["messages"]) == 4
    with pytest.raises(InputError):
        await versions.fork("t", "copy")


async def test_two_users_who_fork_to_one_id_at_once_never_share_a_thread(graph: Any) -> None:
    versions, users = Versions(graph), ("ada", "eve")
    for user in users:
        await graph.ainvoke(turn(f"secret of {user}"), config(user, user_id=user))

    forks = (versions.fork(user, "copy", identity=Identity("default", user)) for user in users)
    outcomes = await asyncio.gather(*forks, return_exceptions=True)

    owner = await versions.owner("copy")
    assert owner
    assert [isinstance(one, TwintrackError) for one in outcomes].count(True) == 1
    [other] = {*users} - {owner.user_id}
    for version in await versions.list("copy", identity=owner):
        assert other not in str(await versions.state("copy", version.id, identity=owner))


async def test_an_unknown_thread_or_version_is_said_plainly(graph: Any) -> None:
    versions = Versions(graph)
    await graph.ainvoke(turn("a"), config("t"))

    with pytest.raises(UnknownThread, match="nowhere"):
        await versions.list("nowhere")
    with pytest.raises(UnknownVersion, match="v9"):
        await versions.rollback("t", "v9", reason="r", actor="ada")


async def test_erasing_a_user_leaves_no_key(graph: Any, source: RedisSource) -> None:
    versions = Versions(graph)
    for thread_id in ["t1", "t{2}", ""]:
        await graph.ainvoke(turn("a"), config(thread_id, user_id="ada", run_id="r" + thread_id))
    await graph.ainvoke(turn("a"), config("bobs", user_id="bob"))
    before = {key async for key in source.client().scan_iter()}

    assert await versions.erase(Identity("default", "ada")) == 3

    left = {key async for key in source.client().scan_iter()}
    assert left == {key for key in before if b"bobs" in key}
    assert [thread async for thread in versions.threads(Identity("default", "bob"))] == ["bobs"]


async def test_pruning_keeps_what_is_named_and_every_kept_version_can_be_gone_back_to(graph: Any) -> None:
    versions = Versions(graph)
    for word in "abcdef":
        await graph.ainvoke(turn(word), config("t"))
    ends = await turn_ends(versions, "t")
    await versions.save("t", "good", version=ends[1])

    gone = await versions.prune("t", 4)

    kept = await versions.list("t")
    assert gone > 0
    assert [version.name for version in kept] == ["", "", "", "", "good"]
    await versions.rollback("t", "good", reason="r", actor="ada")
    state = await graph.ainvoke(turn("X"), config("t"))
    for word in "abX":
        await graph.ainvoke(turn(word), config("fresh"))
    assert plain(state) == plain((await graph.aget_state(config("fresh"))).values)
