"""What the checkpoint bench runs: a ten-node graph, and a conversation that grows by a message a turn."""

import operator
from secrets import token_hex
from typing import Annotated, Any, Literal, get_args
from uuid import uuid4

from langchain_core.messages import AnyMessage, HumanMessage
from langgraph.graph import START, StateGraph
from langgraph.graph.message import add_messages
from typing_extensions import TypedDict

Mode = Literal["sync", "async", "exit"]
MODES: tuple[Mode, ...] = get_args(Mode)
NODES = 10


class Work(TypedDict, total=False):
    """A conversation, and what its nodes count."""

    messages: Annotated[list[AnyMessage], add_messages]
    count: Annotated[int, operator.add]


def graph(saver: Any, nodes: int = NODES) -> Any:
    """Return a graph of nodes in a row that do next to nothing."""

    async def count(_: Work) -> Work:
        return {"count": 1}

    builder: Any = StateGraph(Work)
    for at in range(nodes):
        builder.add_node(f"n{at}", count)
        builder.add_edge(f"n{at - 1}" if at else START, f"n{at}")
    return builder.compile(checkpointer=saver)


def conversation(count: int = 20, size: int = 500) -> Work:
    """Return an input of `count` messages that no two threads share."""
    return {"messages": said(count, size), "count": 0}


def said(count: int, size: int = 1000) -> list[AnyMessage]:
    """Return messages of random text, which no packing makes small."""
    return [HumanMessage(token_hex(size // 2), id=uuid4().hex) for _ in range(count)]


def new_thread() -> str:
    """Return a thread id that nobody has used."""
    return uuid4().hex


def where(thread_id: str) -> Any:
    """Return the config of a thread's newest version."""
    return {"configurable": {"thread_id": thread_id, "checkpoint_ns": ""}}
