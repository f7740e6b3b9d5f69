"""A graph that talks and remembers in a subgraph, for the tests of versions."""

import operator
from typing import Annotated, Any

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from typing_extensions import TypedDict

from twintrack.core.redis_client import RedisSource
from twintrack.memory.checkpoints import VersionedRedisSaver
from twintrack.memory.versions import Versions


class Talk(TypedDict, total=False):
    messages: Annotated[list[AnyMessage], add_messages]
    seen: Annotated[list[str], operator.add]
    inner: str


class Inner(TypedDict, total=False):
    seen: Annotated[list[str], operator.add]
    kept: Annotated[list[str], operator.add]
    inner: str


def _subgraph(checkpointer: bool | None) -> Any:
    async def remember(state: Inner) -> Inner:
        return {"kept": [state["seen"][-1]], "inner": "|".join([*state.get("kept", []), state["seen"][-1]])}

    builder = StateGraph(Inner)
    builder.add_node("remember", remember)
    builder.add_edge(START, "remember")
    return builder.compile(checkpointer=checkpointer)


def talk_graph(saver: Any, stateful: bool) -> Any:
    async def answer(state: Talk) -> Talk:
        return {"messages": [AIMessage(f"re: {state['messages'][-1].content}")]}

    inner = _subgraph(True if stateful else None)

    async def remember(state: Talk) -> Talk:
        return {"inner": (await inner.ainvoke({"seen": state["seen"]}))["inner"]}

    builder = StateGraph(Talk)
    builder.add_node("answer", answer)
    builder.add_node("remember", remember)
    builder.add_edge(START, "answer")
    builder.add_edge("answer", "remember")
    builder.add_edge("remember", END)
    return builder.compile(checkpointer=saver)


def config(thread_id: str, **metadata: Any) -> Any:
    return {"configurable": {"thread_id": thread_id}, "metadata": metadata}


def turn(word: str) -> Any:
    return {"messages": [HumanMessage(word, id=word)], "seen": [word]}


def plain(state: Any) -> Any:
    return {**state, "messages": [message.content for message in state["messages"]]}


@pytest.fixture(params=[False, True], ids=["stateless subgraph", "stateful subgraph"])
def graph(source: RedisSource, request: pytest.FixtureRequest) -> Any:
    return talk_graph(VersionedRedisSaver(source=source), request.param)


async def turn_ends(versions: Versions, thread_id: str) -> list[str]:
    """Return the last version of each turn, oldest first."""
    listed = await versions.list(thread_id)
    return [version.id for version in reversed(listed) if not version.next and version.source == "loop"]
