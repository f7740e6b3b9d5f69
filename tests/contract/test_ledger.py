"""What tools did outside is written down, and going back does not do it twice."""

import asyncio
import operator
from collections.abc import Callable
from typing import Annotated, Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, StructuredTool
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.prebuilt import ToolNode
from langgraph.types import Command, interrupt
from typing_extensions import TypedDict

from twintrack.app.testing import ScriptedChatModel
from twintrack.core.context import Context, Identity
from twintrack.core.errors import UnknownThread
from twintrack.core.redis_client import RedisSource
from twintrack.core.tool_calls import Place, ToolUse
from twintrack.guardrails.tool_gate import GatedTool, ToolGate
from twintrack.guardrails.tools import ToolAnnotations, ToolPolicy
from twintrack.memory import ledger as ledgers
from twintrack.memory.checkpoints import VersionedRedisSaver
from twintrack.memory.ledger import SideEffects
from twintrack.memory.ledger_rows import ToolCallRecord, recorded
from twintrack.memory.vault import Vault
from twintrack.memory.versions import Versions


class World:
    """What the tools change."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.before_answer: Callable[[], Any] | None = None
        self.called = asyncio.Event()

    def tool(self) -> BaseTool:
        async def send(to: str) -> str:
            self.sent.append(to)
            self.called.set()
            if self.before_answer:
                await self.before_answer()
            return f"sent {len(self.sent)} to {to}"

        return StructuredTool.from_function(coroutine=send, name="send", description="Send.")


class Talk(TypedDict, total=False):
    messages: Annotated[list[AnyMessage], add_messages]
    to: list[str]
    said: Annotated[list[str], operator.add]


POLICY = ToolPolicy(allowed={"agent": frozenset({"send"})})


@pytest.fixture
def saver(source: RedisSource) -> VersionedRedisSaver:
    return VersionedRedisSaver(source=source)


@pytest.fixture
def ledger(source: RedisSource, saver: VersionedRedisSaver) -> SideEffects:
    vault = Vault(source, lambda: b"secret", ttl_days=1)
    return SideEffects(saver, vault, lambda text: text.replace("bob@x.org", "<EMAIL>"))


@pytest.fixture
def world() -> World:
    return World()


def _graph(saver: Any, ledger: SideEffects | None, world: World, policy: ToolPolicy = POLICY) -> Any:
    """Draw: think -> act; `act` sends to everyone the state names."""
    tool = GatedTool(world.tool(), policy, agent="agent", ledger=ledger)

    async def think(state: Talk) -> Talk:
        return {"said": ["thought"]}

    async def act(state: Talk, config: RunnableConfig) -> Talk:
        return {"said": [str((await tool({"to": one}, config)).content) for one in state["to"]]}

    builder = StateGraph(Talk, context_schema=Context)
    builder.add_node("think", think)
    builder.add_node("act", act)
    builder.add_edge(START, "think")
    builder.add_edge("think", "act")
    builder.add_edge("act", END)
    return builder.compile(checkpointer=saver)


def _at(thread: str = "t") -> Any:
    return {"configurable": {"thread_id": thread}}


async def _calls(saver: VersionedRedisSaver, thread: str = "t") -> list[ToolCallRecord]:
    return await recorded(saver.storage, thread)


async def _before(graph: Any, node: str, thread: str = "t") -> str:
    """Return the newest version from which `node` runs next."""
    return next(one.id for one in await Versions(graph).list(thread) if one.next == [node])


async def test_a_call_is_written_down_with_what_came_of_it(
    saver: VersionedRedisSaver, ledger: SideEffects, world: World, source: RedisSource
) -> None:
    graph = _graph(saver, ledger, world)
    await graph.ainvoke({"to": ["bob@x.org"]}, _at())

    [call] = await _calls(saver)

    assert (call.tool, call.agent, call.state, call.replays) == ("send", "agent", "done", 0)
    assert call.arguments == '{"to": "<EMAIL>"}'
    assert call.version == await _before(graph, "act")
    stored = await source.client().hgetall("twintrack:checkpoint:{t}:ledger")
    assert not [value for value in stored.values() if b"bob@x.org" in value or b"sent 1" in value]


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
@pytest.mark.parametrize("again", ["goes on", "asks again"])
async def test_running_on_after_a_rollback_does_not_do_it_twice(
    saver: VersionedRedisSaver, ledger: SideEffects, world: World, again: str, durability: Any
) -> None:
    graph = _graph(saver, ledger, world)
    await graph.ainvoke({"to": ["ann"]}, _at(), durability=durability)
    first = (await graph.ainvoke({"to": ["bob"]}, _at(), durability=durability))["said"][-1]
    versions = await Versions(graph).list("t")
    to = versions[1].id if durability == "exit" else await _before(graph, "act")

    await Versions(graph).rollback("t", to, reason="r", actor="ada")
    request = None if again == "goes on" and durability != "exit" else {"to": ["bob"]}
    state = await graph.ainvoke(request, _at(), durability=durability)

    assert world.sent == ["ann", "bob"]
    assert state["said"][-1] == first == "sent 2 to bob"
    assert [call.replays for call in await _calls(saver)] == [0, 1]


async def test_another_plan_and_another_turn_are_carried_out(
    saver: VersionedRedisSaver, ledger: SideEffects, world: World
) -> None:
    graph = _graph(saver, ledger, world)
    await graph.ainvoke({"to": ["bob"]}, _at())
    await graph.ainvoke({"to": ["bob"]}, _at())
    assert world.sent == ["bob", "bob"]

    await Versions(graph).rollback("t", await _before(graph, "act"), reason="r", actor="ada")
    await graph.ainvoke({"to": ["cid"]}, _at())
    assert world.sent == ["bob", "bob", "cid"]
    await graph.ainvoke({"to": ["bob"]}, _at())
    await graph.ainvoke({"to": ["bob"]}, _at())
    assert world.sent == ["bob", "bob", "cid", "bob"], "the undone call is made up for once"


async def test_going_forward_again_leaves_what_was_done_as_done(
    saver: VersionedRedisSaver, ledger: SideEffects, world: World
) -> None:
    graph, versions = _graph(saver, ledger, world), Versions(_graph(saver, ledger, world))
    await graph.ainvoke({"to": ["bob"]}, _at())
    end = (await versions.get("t")).id
    await versions.rollback("t", await _before(graph, "act"), reason="r", actor="ada")
    await versions.rollback("t", end, reason="after all", actor="ada")

    await graph.ainvoke({"to": ["bob"]}, _at())

    assert world.sent == ["bob", "bob"], "a new turn of the way that was taken up again"


async def test_the_caller_can_ask_for_it_again(saver: VersionedRedisSaver, ledger: SideEffects, world: World) -> None:
    graph = _graph(saver, ledger, world)
    await graph.ainvoke({"to": ["bob"]}, _at())
    await Versions(graph).rollback("t", await _before(graph, "act"), reason="r", actor="ada")

    await graph.ainvoke(None, _at(), context=Context(repeat_tool_calls=True))

    assert world.sent == ["bob", "bob"]


async def test_going_on_from_an_old_version_as_langgraph_does_it_is_held_to_the_ledger_too(
    saver: VersionedRedisSaver, ledger: SideEffects, world: World
) -> None:
    graph = _graph(saver, ledger, world)
    await graph.ainvoke({"to": ["bob"]}, _at())
    old = {"configurable": {"thread_id": "t", "checkpoint_ns": "", "checkpoint_id": await _before(graph, "act")}}

    await graph.ainvoke(None, old)
    await graph.ainvoke(None, await graph.aupdate_state(old, {"said": ["edited"]}))

    assert world.sent == ["bob"]


async def test_what_reads_only_is_not_written_down(
    saver: VersionedRedisSaver, ledger: SideEffects, world: World
) -> None:
    policy = ToolPolicy(allowed=POLICY.allowed, annotations={"send": ToolAnnotations(read_only=True)})
    graph = _graph(saver, ledger, world, policy)
    await graph.ainvoke({"to": ["bob"]}, _at())
    assert await _calls(saver) == []


async def test_a_call_that_never_reported_back_is_unknown_and_not_repeated(
    saver: VersionedRedisSaver, ledger: SideEffects, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = _graph(saver, ledger, world)
    world.before_answer = lambda: asyncio.sleep(30)
    monkeypatch.setattr(ledgers, "LEASE_S", 0.3)
    run = asyncio.create_task(graph.ainvoke({"to": ["bob"]}, _at()))
    await world.called.wait()
    assert [call.state for call in await _calls(saver)] == ["running"]
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run

    # The same step again, as after a crash: it waits until the call counts as lost.
    state = await graph.ainvoke(None, _at())

    assert [call.state for call in await _calls(saver)] == ["unknown"]
    assert world.sent == ["bob"]
    assert "not known" in state["said"][-1]
    world.before_answer = None
    await Versions(graph).rollback("t", await _before(graph, "act"), reason="r", actor="ada")
    await graph.ainvoke(None, _at(), context=Context(repeat_tool_calls=True))
    assert world.sent == ["bob", "bob"]


async def test_a_tool_that_broke_half_way_is_unknown(
    saver: VersionedRedisSaver, ledger: SideEffects, world: World
) -> None:
    graph = _graph(saver, ledger, world)

    async def broken() -> None:
        raise ConnectionError

    world.before_answer = broken
    with pytest.raises(ConnectionError):
        await graph.ainvoke({"to": ["bob"]}, _at())
    world.before_answer = None
    state = await graph.ainvoke(None, _at())

    assert world.sent == ["bob"]
    assert "not known" in state["said"][-1]


async def test_two_that_go_on_at_once_do_it_once(saver: VersionedRedisSaver, ledger: SideEffects, world: World) -> None:
    graph = _graph(saver, ledger, world)
    world.before_answer = lambda: asyncio.sleep(0.1)
    await graph.ainvoke({"to": ["ann"]}, _at(), interrupt_before=["act"])
    old = (await graph.aget_state(_at())).config

    done = await asyncio.gather(*(graph.ainvoke(None, old) for _ in range(5)))

    assert world.sent == ["ann"]
    assert {state["said"][-1] for state in done} == {"sent 1 to ann"}


async def test_a_call_made_twice_on_purpose_is_made_twice(
    saver: VersionedRedisSaver, ledger: SideEffects, world: World
) -> None:
    model = _model(["c1", "c2"], ["c3"])
    graph = _agent(model, saver, ledger, world)
    await graph.ainvoke({"messages": [HumanMessage("three times")]}, _at())
    assert world.sent == ["bob"] * 3


async def test_an_agents_calls_are_held_to_the_ledger_whatever_ids_its_model_gives_them(
    saver: VersionedRedisSaver, ledger: SideEffects, world: World
) -> None:
    model = _model(["c1"], [], ["c2"], [])
    graph = _agent(model, saver, ledger, world)
    versions = Versions(graph)
    await graph.ainvoke({"messages": [HumanMessage("once")]}, _at())
    first = (await versions.list("t"))[-1]

    await versions.rollback("t", first.id, reason="r", actor="ada")
    state = await graph.ainvoke(None, _at())

    assert world.sent == ["bob"]
    [answer] = [message for message in state["messages"] if isinstance(message, ToolMessage)]
    assert (answer.content, answer.tool_call_id) == ("sent 1 to bob", "c2")
    assert answer.additional_kwargs["recorded"]["version"]


async def test_a_plain_tool_node_can_be_held_to_it(
    saver: VersionedRedisSaver, ledger: SideEffects, world: World
) -> None:
    gate = ToolGate(POLICY, agent="agent", ledger=ledger)
    builder: Any = StateGraph(Talk)
    builder.add_node("tools", ToolNode([world.tool()], awrap_tool_call=gate.awrap_tool_call))
    builder.add_edge(START, "tools")
    graph = builder.compile(checkpointer=saver)
    call = {"name": "send", "args": {"to": "bob"}, "id": "c1"}
    await graph.ainvoke({"messages": [AIMessage("", tool_calls=[call])]}, _at())
    await Versions(graph).rollback("t", await _before(graph, "tools"), reason="r", actor="ada")

    await graph.ainvoke(None, _at())

    assert world.sent == ["bob"]


async def test_a_tool_that_asks_a_person_first_is_made_once_after_the_answer(
    saver: VersionedRedisSaver, ledger: SideEffects
) -> None:
    sent = []

    async def send(to: str) -> str:
        sent.append((to, interrupt("sure?")))
        return "sent"

    tool = StructuredTool.from_function(coroutine=send, name="send", description="Send.")
    graph: Any = create_agent(
        _model(["c1"], []), [tool], middleware=[ToolGate(POLICY, agent="agent", ledger=ledger)], checkpointer=saver
    )
    await graph.ainvoke({"messages": [HumanMessage("once")]}, _at())
    assert await _calls(saver) == []
    await graph.ainvoke(Command(resume="yes"), _at())
    assert sent == [("bob", "yes")]
    assert [call.state for call in await _calls(saver)] == ["done"]


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
    graph = _graph(saver, ledger, world)
    await graph.ainvoke({"to": ["bob"]}, _at())
    versions = Versions(graph)
    await versions.fork("t", "copy")
    await versions.rollback("copy", await _before(graph, "act"), reason="r", actor="ada")
    state = await graph.ainvoke(None, _at("copy"))
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
            return await _graph(saver, fresh, world).ainvoke(request, _at())
        finally:
            await source.aclose()

    await turn({"to": ["bob"]})
    graph = _graph(saver, None, world)
    await Versions(graph).rollback("t", await _before(graph, "act"), reason="r", actor="ada")
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
    assert len(await _calls(saver)) == 1000
    assert await source.client().hlen("twintrack:checkpoint:{t}:ledger") == 3001


def _model(*rounds: list[str]) -> Any:
    """Return a model that sends to bob under these call ids, round by round, and then says it is done."""
    waiting = [*rounds]

    def script(_: Any) -> AIMessage:
        ids = waiting.pop(0) if waiting else []
        calls = [{"name": "send", "args": {"to": "bob"}, "id": id_} for id_ in ids]
        return AIMessage("" if calls else "done", tool_calls=calls)

    return ScriptedChatModel(script=script)


def _agent(model: Any, saver: Any, ledger: SideEffects, world: World) -> Any:
    gate = ToolGate(POLICY, agent="agent", ledger=ledger)
    return create_agent(model, [world.tool()], middleware=[gate], checkpointer=saver, context_schema=Context)
