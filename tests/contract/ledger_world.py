"""A graph whose tool changes the world, for the tests of the ledger."""

import asyncio
import operator
from collections.abc import Callable
from typing import Annotated, Any

import pytest
from langchain_core.messages import AnyMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, StructuredTool
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from typing_extensions import TypedDict

from twintrack.core.context import Context
from twintrack.core.redis_client import RedisSource
from twintrack.core.tool_calls import idempotency_key
from twintrack.guardrails.gated_tool import GatedTool
from twintrack.guardrails.tools import ToolPolicy
from twintrack.memory.checkpoints import VersionedRedisSaver
from twintrack.memory.ledger import SideEffects
from twintrack.memory.ledger_rows import ToolCallRecord, recorded
from twintrack.memory.vault import Vault
from twintrack.memory.versions import Versions


class World:
    """What the tools change."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.keys: list[str] = []
        self.before_answer: Callable[[], Any] | None = None
        self.called = asyncio.Event()

    def tool(self) -> BaseTool:
        async def send(to: str) -> str:
            self.sent.append(to)
            self.keys.append(idempotency_key())
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


def thinking_graph(saver: Any, ledger: SideEffects | None, world: World, policy: ToolPolicy = POLICY) -> Any:
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


def at(thread: str = "t") -> Any:
    return {"configurable": {"thread_id": thread}}


async def calls(saver: VersionedRedisSaver, thread: str = "t") -> list[ToolCallRecord]:
    return await recorded(saver.storage, thread)


async def before(graph: Any, node: str, thread: str = "t") -> str:
    """Return the newest version from which `node` runs next."""
    return next(one.id for one in await Versions(graph).list(thread) if one.next == [node])
