"""Tools that agents call are held to the ledger too, whoever calls them."""

import asyncio
from typing import Any

from langchain.agents import create_agent
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import StructuredTool
from langgraph.graph import START, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command, interrupt

from tests.contract.ledger_world import POLICY, Talk, World, at, before, calls
from tests.contract.ledger_world import ledger as ledger
from tests.contract.ledger_world import saver as saver
from tests.contract.ledger_world import world as world
from twintrack.app.testing import ScriptedChatModel
from twintrack.core.context import Context
from twintrack.guardrails.gated_tool import GatedTool
from twintrack.guardrails.tool_gate import ToolGate
from twintrack.memory.checkpoints import VersionedRedisSaver
from twintrack.memory.ledger import SideEffects
from twintrack.memory.versions import Versions


async def test_a_call_made_twice_on_purpose_is_made_twice(
    saver: VersionedRedisSaver, ledger: SideEffects, world: World
) -> None:
    model = _model(["c1", "c2"], ["c3"])
    graph = _agent(model, saver, ledger, world)
    await graph.ainvoke({"messages": [HumanMessage("three times")]}, at())
    assert world.sent == ["bob"] * 3


async def test_an_agents_calls_are_held_to_the_ledger_whatever_ids_its_model_gives_them(
    saver: VersionedRedisSaver, ledger: SideEffects, world: World
) -> None:
    model = _model(["c1"], [], ["c2"], [])
    graph = _agent(model, saver, ledger, world)
    versions = Versions(graph)
    await graph.ainvoke({"messages": [HumanMessage("once")]}, at())
    first = (await versions.list("t"))[-1]

    await versions.rollback("t", first.id, reason="r", actor="ada")
    state = await graph.ainvoke(None, at())

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
    await graph.ainvoke({"messages": [AIMessage("", tool_calls=[call])]}, at())
    await Versions(graph).rollback("t", await before(graph, "tools"), reason="r", actor="ada")

    await graph.ainvoke(None, at())

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
    await graph.ainvoke({"messages": [HumanMessage("once")]}, at())
    assert await calls(saver) == []
    await graph.ainvoke(Command(resume="yes"), at())
    assert sent == [("bob", "yes")]
    assert [call.state for call in await calls(saver)] == ["done"]


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


async def test_two_branches_of_one_step_that_make_the_same_call_make_it_once(
    saver: VersionedRedisSaver, ledger: SideEffects, world: World
) -> None:
    tool = GatedTool(world.tool(), POLICY, agent="agent", ledger=ledger)
    world.before_answer = lambda: asyncio.sleep(0.05)

    async def act(state: Talk, config: RunnableConfig) -> Talk:
        return {"said": [str((await tool({"to": "bob"}, config)).content)]}

    builder = StateGraph(Talk)
    for name in ("left", "right"):
        builder.add_node(name, act)
        builder.add_edge(START, name)
    state = await builder.compile(checkpointer=saver).ainvoke({"to": []}, at())

    assert world.sent == ["bob"]
    assert state["said"] == ["sent 1 to bob"] * 2
