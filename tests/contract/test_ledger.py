"""What tools did outside is written down, and going back does not do it twice."""

import asyncio
from typing import Any

import pytest
from langchain_core.messages import ToolMessage

from tests.contract.ledger_world import POLICY, World, at, before, calls, thinking_graph
from tests.contract.ledger_world import ledger as ledger
from tests.contract.ledger_world import saver as saver
from tests.contract.ledger_world import world as world
from twintrack.core.context import Context, Identity
from twintrack.core.errors import UnknownThread
from twintrack.core.redis_client import RedisSource
from twintrack.core.tool_calls import Place, ToolUse
from twintrack.guardrails.tools import ToolAnnotations, ToolPolicy
from twintrack.memory import ledger as ledgers
from twintrack.memory.checkpoints import VersionedRedisSaver
from twintrack.memory.ledger import SideEffects
from twintrack.memory.vault import Vault
from twintrack.memory.versions import Versions


async def test_a_call_is_written_down_with_what_came_of_it(
    saver: VersionedRedisSaver, ledger: SideEffects, world: World, source: RedisSource
) -> None:
    graph = thinking_graph(saver, ledger, world)
    await graph.ainvoke({"to": ["bob@x.org"]}, at())

    [call] = await calls(saver)

    assert (call.tool, call.agent, call.state, call.replays) == ("send", "agent", "done", 0)
    assert call.arguments == '{"to": "<EMAIL>"}'
    assert call.version == await before(graph, "act")
    stored: dict[Any, Any] = await source.client().hgetall("twintrack:checkpoint:{t}:ledger")
    assert not [value for value in stored.values() if b"bob@x.org" in value or b"sent 1" in value]


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
@pytest.mark.parametrize("again", ["goes on", "asks again"])
async def test_running_on_after_a_rollback_does_not_do_it_twice(
    saver: VersionedRedisSaver, ledger: SideEffects, world: World, again: str, durability: Any
) -> None:
    graph = thinking_graph(saver, ledger, world)
    await graph.ainvoke({"to": ["ann"]}, at(), durability=durability)
    first = (await graph.ainvoke({"to": ["bob"]}, at(), durability=durability))["said"][-1]
    versions = await Versions(graph).list("t")
    to = versions[1].id if durability == "exit" else await before(graph, "act")

    await Versions(graph).rollback("t", to, reason="r", actor="ada")
    request = None if again == "goes on" and durability != "exit" else {"to": ["bob"]}
    state = await graph.ainvoke(request, at(), durability=durability)

    assert world.sent == ["ann", "bob"]
    assert state["said"][-1] == first == "sent 2 to bob"
    assert [call.replays for call in await calls(saver)] == [0, 1]


async def test_another_plan_and_another_turn_are_carried_out(
    saver: VersionedRedisSaver, ledger: SideEffects, world: World
) -> None:
    graph = thinking_graph(saver, ledger, world)
    await graph.ainvoke({"to": ["bob"]}, at())
    await graph.ainvoke({"to": ["bob"]}, at())
    assert world.sent == ["bob", "bob"]

    await Versions(graph).rollback("t", await before(graph, "act"), reason="r", actor="ada")
    await graph.ainvoke({"to": ["cid"]}, at())
    assert world.sent == ["bob", "bob", "cid"]
    await graph.ainvoke({"to": ["bob"]}, at())
    await graph.ainvoke({"to": ["bob"]}, at())
    assert world.sent == ["bob", "bob", "cid", "bob"], "the undone call is made up for once"


async def test_going_forward_again_leaves_what_was_done_as_done(
    saver: VersionedRedisSaver, ledger: SideEffects, world: World
) -> None:
    graph, versions = thinking_graph(saver, ledger, world), Versions(thinking_graph(saver, ledger, world))
    await graph.ainvoke({"to": ["bob"]}, at())
    end = (await versions.get("t")).id
    await versions.rollback("t", await before(graph, "act"), reason="r", actor="ada")
    await versions.rollback("t", end, reason="after all", actor="ada")

    await graph.ainvoke({"to": ["bob"]}, at())

    assert world.sent == ["bob", "bob"], "a new turn of the way that was taken up again"


@pytest.mark.parametrize(("undone", "pruned"), [(True, False), (False, False), (False, True)])
async def test_how_far_the_thread_has_come_since_makes_no_difference(
    saver: VersionedRedisSaver, ledger: SideEffects, world: World, undone: bool, pruned: bool
) -> None:
    graph = thinking_graph(saver, ledger, world)
    await graph.ainvoke({"to": ["bob"]}, at())
    if undone:
        await Versions(graph).rollback("t", await before(graph, "act"), reason="r", actor="ada")
    for turn in range(30):  # three versions each
        await graph.ainvoke({"to": [f"cid{turn}"]}, at())
    if pruned:
        await saver.aprune(["t"], keep_last=5)

    await graph.ainvoke({"to": ["bob"]}, at())
    assert world.sent.count("bob") == (1 if undone else 2)


async def test_the_caller_can_ask_for_it_again(saver: VersionedRedisSaver, ledger: SideEffects, world: World) -> None:
    graph = thinking_graph(saver, ledger, world)
    await graph.ainvoke({"to": ["bob"]}, at())
    await Versions(graph).rollback("t", await before(graph, "act"), reason="r", actor="ada")

    await graph.ainvoke(None, at(), context=Context(repeat_tool_calls=True))

    assert world.sent == ["bob", "bob"]
    assert len({*world.keys}) == 2
    assert all(world.keys)


async def test_going_on_from_an_old_version_as_langgraph_does_it_is_held_to_the_ledger_too(
    saver: VersionedRedisSaver, ledger: SideEffects, world: World
) -> None:
    graph = thinking_graph(saver, ledger, world)
    await graph.ainvoke({"to": ["bob"]}, at())
    old = {"configurable": {"thread_id": "t", "checkpoint_ns": "", "checkpoint_id": await before(graph, "act")}}

    await graph.ainvoke(None, old)
    await graph.ainvoke(None, await graph.aupdate_state(old, {"said": ["edited"]}))

    assert world.sent == ["bob"]


async def test_what_reads_only_is_not_written_down(
    saver: VersionedRedisSaver, ledger: SideEffects, world: World
) -> None:
    policy = ToolPolicy(allowed=POLICY.allowed, annotations={"send": ToolAnnotations(read_only=True)})
    graph = thinking_graph(saver, ledger, world, policy)
    await graph.ainvoke({"to": ["bob"]}, at())
    assert await calls(saver) == []
    assert world.keys == [""]


async def test_a_call_that_never_reported_back_is_unknown_and_not_repeated(
    saver: VersionedRedisSaver, ledger: SideEffects, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = thinking_graph(saver, ledger, world)
    world.before_answer = lambda: asyncio.sleep(30)
    monkeypatch.setattr(ledgers, "LEASE_S", 1.5)
    run = asyncio.create_task(graph.ainvoke({"to": ["bob"]}, at()))
    await world.called.wait()
    assert [call.state for call in await calls(saver)] == ["running"]
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run

    # The same step again, as after a crash: it waits until the call counts as lost.
    state = await graph.ainvoke(None, at())

    assert [call.state for call in await calls(saver)] == ["unknown"]
    assert world.sent == ["bob"]
    assert "not known" in state["said"][-1]
    world.before_answer = None
    await Versions(graph).rollback("t", await before(graph, "act"), reason="r", actor="ada")
    await graph.ainvoke(None, at(), context=Context(repeat_tool_calls=True))
    assert world.sent == ["bob", "bob"]
    assert world.keys[0] == world.keys[1] != "", "a service that takes the key does it once"


async def test_a_tool_that_broke_half_way_is_unknown(
    saver: VersionedRedisSaver, ledger: SideEffects, world: World
) -> None:
    graph = thinking_graph(saver, ledger, world)

    async def broken() -> None:
        raise ConnectionError

    world.before_answer = broken
    with pytest.raises(ConnectionError):
        await graph.ainvoke({"to": ["bob"]}, at())
    world.before_answer = None
    state = await graph.ainvoke(None, at())

    assert world.sent == ["bob"]
    assert "not known" in state["said"][-1]


async def test_two_that_go_on_at_once_do_it_once(saver: VersionedRedisSaver, ledger: SideEffects, world: World) -> None:
    graph = thinking_graph(saver, ledger, world)
    world.before_answer = lambda: asyncio.sleep(0.1)
    await graph.ainvoke({"to": ["ann"]}, at(), interrupt_before=["act"])
    old = (await graph.aget_state(at())).config

    done = await asyncio.gather(*(graph.ainvoke(None, old) for _ in range(5)))

    assert world.sent == ["ann"]
    assert {state["said"][-1] for state in done} == {"sent 1 to ann"}


async def test_another_users_record_is_nobody_elses(ledger: SideEffects) -> None:
    made: list[str] = []

    async def once(user: str, tool: str = "send", **arguments: str) -> str:
        async def run() -> ToolMessage:
            made.append(user)
            return ToolMessage(f"of {user}", tool_call_id="c")

        who, place = Identity("default", user), Place("t", "v1")
        use = ToolUse(identity=who, place=place, agent="agent", tool=tool, arguments=arguments, call_id="c")
        return str((await ledger.once(use, run)).content)

    assert await once("ann", to="bob") == "of ann"
    with pytest.raises(UnknownThread):
        await once("eve", to="bob")
    assert await once("ann", to="bob") == "of ann"
    assert made == ["ann"]


async def test_a_fork_knows_what_its_thread_did_and_deleting_leaves_nothing(
    saver: VersionedRedisSaver, ledger: SideEffects, world: World, source: RedisSource
) -> None:
    graph = thinking_graph(saver, ledger, world)
    await graph.ainvoke({"to": ["bob"]}, at())
    versions = Versions(graph)
    await versions.fork("t", "copy")
    await versions.rollback("copy", await before(graph, "act"), reason="r", actor="ada")
    state = await graph.ainvoke(None, at("copy"))
    assert (world.sent, state["said"][-1]) == (["bob"], "sent 1 to bob")

    for thread in ("t", "copy"):
        await versions.delete(thread)
    assert [key async for key in source.client().scan_iter()] == []


async def test_a_process_that_starts_anew_knows_it(saver: VersionedRedisSaver, world: World, redis_url: str) -> None:
    async def turn(request: Any) -> Any:
        from twintrack.core.settings import RedisSettings

        source = RedisSource(RedisSettings.model_validate({"url": redis_url}))
        saver = VersionedRedisSaver(source=source)
        fresh = SideEffects(saver, Vault(source, lambda: b"s", ttl_days=1), str)
        try:
            return await thinking_graph(saver, fresh, world).ainvoke(request, at())
        finally:
            await source.aclose()

    await turn({"to": ["bob"]})
    graph = thinking_graph(saver, None, world)
    await Versions(graph).rollback("t", await before(graph, "act"), reason="r", actor="ada")
    assert (await turn(None))["said"][-1] == "sent 1 to bob"
    assert world.sent == ["bob"]


async def test_the_ledger_does_not_grow_without_end(
    saver: VersionedRedisSaver, ledger: SideEffects, source: RedisSource
) -> None:
    async def run() -> ToolMessage:
        return ToolMessage("ok", tool_call_id="x")

    for number in range(1010):
        use = ToolUse(
            identity=Identity(),
            place=Place("t", f"{number:05}"),
            agent="agent",
            tool="send",
            arguments={"n": number},
            call_id="x",
        )
        await ledger.once(use, run)
    assert len(await calls(saver)) == 1000
    assert await source.client().hlen("twintrack:checkpoint:{t}:ledger") == 3001
