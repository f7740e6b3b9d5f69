"""A small graph with one of everything that must be traced: fan-out, subgraph, agent, tool, model, interrupt, error."""

import operator
from typing import Annotated, Any

from langchain.agents import create_agent
from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import Send, interrupt
from typing_extensions import TypedDict

from twintrack.app.testing import ScriptedChatModel
from twintrack.core.tracing import current_trace_id

NODES = ("plan", "piece", "join", "inner_one", "inner_two", "approve")
"""Every node that runs, in a run that interrupts; "inner" and "helper" hold graphs of their own."""


class State(TypedDict, total=False):
    topic: str
    messages: Annotated[list[AnyMessage], add_messages]
    done: Annotated[list[str], operator.add]
    trace_ids: Annotated[list[str], operator.add]


class Piece(TypedDict):
    number: int


@tool
async def lookup(word: str) -> str:
    """Look a word up."""
    return f"{word} is a word"


async def plan(state: State) -> dict[str, Any]:
    return {"trace_ids": [current_trace_id() or ""]}


async def piece(state: Piece) -> dict[str, Any]:
    return {"done": [f"piece {state['number']}"]}


async def join(state: State) -> dict[str, Any]:
    if state["topic"].startswith("break"):
        raise RuntimeError(f"cannot join {state['topic']}")
    return {"done": ["join"]}


async def inner_one(state: State) -> dict[str, Any]:
    return {"done": ["inner one"]}


async def inner_two(state: State) -> dict[str, Any]:
    return {"trace_ids": [current_trace_id() or ""]}


async def approve(state: State) -> dict[str, Any]:
    return {"done": [f"approved {interrupt('Go on?')}" if state["topic"].startswith("ask") else "not asked"]}


def fan_out(state: State) -> list[Send]:
    return [Send("piece", {"number": number}) for number in range(2)]


def say(prompt: list[BaseMessage]) -> AIMessage:
    """Call the tool once, then answer."""
    if prompt and isinstance(prompt[-1], ToolMessage):
        return AIMessage("It is a word")
    return AIMessage("", tool_calls=[{"name": "lookup", "args": {"word": "tree"}, "id": "1"}])


def build() -> StateGraph[State]:
    """Wire it: plan -> 2 x piece -> join -> inner (subgraph) -> helper (agent with a tool) -> approve."""
    inner = StateGraph(State)
    inner.add_node("inner_one", inner_one)
    inner.add_node("inner_two", inner_two)
    inner.add_edge(START, "inner_one")
    inner.add_edge("inner_one", "inner_two")

    graph = StateGraph(State)
    graph.add_node("plan", plan)
    graph.add_node("piece", piece)
    graph.add_node("join", join)
    graph.add_node("inner", inner.compile(name="inner graph"))
    graph.add_node("helper", create_agent(ScriptedChatModel(script=say), [lookup], name="helper graph"))
    graph.add_node("approve", approve)
    graph.add_edge(START, "plan")
    graph.add_conditional_edges("plan", fan_out, ["piece"])
    graph.add_edge("piece", "join")
    graph.add_edge("join", "inner")
    graph.add_edge("inner", "helper")
    graph.add_edge("helper", "approve")
    graph.add_edge("approve", END)
    return graph
