"""Replays τ²'s gold calls over MCP: whole, cut off and resumed, and delivered twice, and compares the databases."""

import asyncio
import copy
import hashlib
import importlib
import json
import secrets
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.tools import BaseTool

from twintrack.app.scripted_model import ScriptedChatModel
from twintrack.core.context import Context
from twintrack.core.redis_client import RedisSource
from twintrack.evals.show import Figures
from twintrack.guardrails.tool_gate import ToolGate
from twintrack.guardrails.tools import ToolAnnotations, ToolPolicy
from twintrack.memory.checkpoints import VersionedRedisSaver
from twintrack.memory.ledger import SideEffects
from twintrack.memory.vault import Vault

DOMAINS = ("retail", "airline")
Way = Literal["whole", "resumed", "twice"]
WAYS: tuple[Way, ...] = ("whole", "resumed", "twice")
AGENT = "clerk"
_READS = ("get_", "find_", "list_", "search_", "calculate")
Tick = Callable[[int, int, str], None]


class CutOff(Exception):
    """Ends a run as if its process had died."""


class CutsOff(AgentMiddleware[Any, Any, Any]):
    """Ends the run after a call took effect and before its step is stored."""

    def __init__(self, after: str) -> None:
        super().__init__()
        self._after = after

    async def awrap_tool_call(self, request: Any, handler: Callable[[Any], Awaitable[Any]]) -> Any:
        """Make the call, and die if it is the one."""
        result = await handler(request)
        if request.tool_call["id"] == self._after:
            raise CutOff
        return result


class Twice(AgentMiddleware[Any, Any, Any]):
    """Delivers every call twice at once."""

    async def awrap_tool_call(self, request: Any, handler: Callable[[Any], Awaitable[Any]]) -> Any:
        """Make the call two times; the first answer counts."""
        first, _ = await asyncio.gather(handler(request), handler(request))
        return first


@dataclass(frozen=True, slots=True)
class Shop:
    """One domain: its server's tools, its data and where its server keeps what it changed."""

    domain: str
    tools: list[BaseTool]
    server: Any
    folder: Path
    source: RedisSource
    secret: bytes

    def tasks(self) -> list[dict[str, Any]]:
        """Return the tasks."""
        read = Path(self.server.__file__).with_name("data") / "tau2" / "domains" / self.domain / "tasks.json"
        return list(json.loads(read.read_text()))

    async def play(self, task: dict[str, Any], way: Way) -> "Played":
        """Make the task's calls; tell how the database ends, and what was done more than once."""
        calls = gold(task)
        key = f"tau2/{self.domain}/{task['id']}/{way}"
        saver = VersionedRedisSaver(source=self.source)
        at: Any = {
            "configurable": {"thread_id": f"eval-{key}-{secrets.token_hex(4)}"},
            "recursion_limit": 5 * len(calls) + 25,
        }
        given: dict[str, Any] | None = {"messages": [HumanMessage("Do what the task says.")]}
        context = Context(user_id="eval")
        try:
            if way == "resumed" and calls:
                cut = CutsOff(str(_middle(calls)))
                try:
                    await self._agent(calls, key, cut).ainvoke(given, at, context=context)
                except CutOff:
                    given = None
            extra = Twice() if way == "twice" else None
            await self._agent(calls, key, extra).ainvoke(given, at, context=context)
        finally:
            await saver.adelete_thread(at["configurable"]["thread_id"])
        left, log = self._left(key)
        expected, failing = self._expected(calls)
        return Played(left == expected, (_writes(log) - _writes(calls) - failing).total())

    def _agent(self, calls: list[dict[str, Any]], key: str, extra: AgentMiddleware[Any, Any, Any] | None) -> Any:
        """Return an agent with a saver and a ledger of its own, as a new process would have."""
        names = frozenset(tool.name for tool in self.tools)
        reads = {name: ToolAnnotations(read_only=True) for name in names if name.startswith(_READS)}
        saver = VersionedRedisSaver(source=self.source)
        ledger = SideEffects(saver, Vault(self.source, lambda: self.secret, ttl_days=1), lambda text: text)
        policy = ToolPolicy(allowed={AGENT: names}, annotations=reads, max_result_chars=200_000)
        gate = ToolGate(policy, agent=AGENT, ledger=ledger)
        asked = [_asked(place, call, key) for place, call in enumerate(calls)]

        def next_line(messages: list[Any]) -> AIMessage:
            # Read from the conversation, so that an agent made anew goes on where the other one was.
            answered = sum(message.type == "tool" for message in messages)
            return asked[answered] if answered < len(asked) else AIMessage("Done.")

        return create_agent(
            ScriptedChatModel(script=next_line),
            self.tools,
            middleware=[*([extra] if extra else []), gate],
            context_schema=Context,
            checkpointer=saver,
        )

    def _left(self, key: str) -> tuple[Any, list[dict[str, Any]]]:
        """Return the database that the server keeps, and the calls it has seen."""
        file = self.folder / f"{hashlib.sha256(key.encode()).hexdigest()}.json"
        if not file.exists():
            return self.server._base_db(), []
        state = json.loads(file.read_text())
        file.unlink()
        return state["db"], [call["tau2_tool_call"] for call in state["calls"]]

    def _expected(self, calls: list[dict[str, Any]]) -> tuple[Any, Counter[str]]:
        """Return the database after the tools' own functions, called without any of this, and the writes they refuse."""
        database = copy.deepcopy(self.server._base_db())
        refused: list[dict[str, Any]] = []
        for call in calls:
            try:
                self.server._execute_tool(database, call["name"], call["arguments"])
            except Exception:  # noqa: BLE001 - some gold calls are wrong on purpose: an error, and no change
                refused.append(call)
        return json.loads(json.dumps(database)), _writes(refused)


@dataclass(frozen=True, slots=True)
class Played:
    """How one task ended."""

    equal: bool
    """The database is as the tools themselves leave it."""
    repeated: int
    """Calls that change something and were made more often than asked."""


def gold(task: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the calls that solve the task."""
    return [one for one in task["evaluation_criteria"].get("actions") or [] if one.get("requestor") != "user"]


async def run(source: RedisSource, limit: int | None = None, tick: Tick = lambda *_: None) -> Figures:
    """Return the figures of each domain; with a limit, of its first tasks."""
    figures: Figures = {}
    for domain in DOMAINS:
        async with _open(domain, source) as shop:
            figures[domain] = await _judged(shop, shop.tasks()[:limit], tick)
    return figures


async def _judged(shop: Shop, tasks: list[dict[str, Any]], tick: Tick) -> Figures:
    ended: dict[Way, list[Played]] = {way: [] for way in WAYS}
    for place, task in enumerate(tasks):
        tick(place, len(tasks), f"{shop.domain} {task['id']}")
        for way in WAYS:
            ended[way].append(await shop.play(task, way))
    equal = [all(one.equal for one in ways) for ways in zip(*ended.values(), strict=True)]
    return {
        "equal": sum(equal),
        "tasks": len(tasks),
        "equal_by_way": {way: sum(one.equal for one in found) for way, found in ended.items()},
        "writes_repeated": {way: sum(one.repeated for one in found) for way, found in ended.items()},
        "unequal": [str(task["id"]) for task, same in zip(tasks, equal, strict=True) if not same],
    }


@asynccontextmanager
async def _open(domain: str, source: RedisSource) -> AsyncIterator[Shop]:
    from langchain_mcp_adapters.sessions import StdioConnection, create_session
    from langchain_mcp_adapters.tools import load_mcp_tools

    module = f"tau2_{domain}_mcp.server"
    with tempfile.TemporaryDirectory(prefix="twintrack-eval-") as folder:
        env = {f"TAU2_{domain.upper()}_MCP_STATE_DIR": folder}
        started = StdioConnection(transport="stdio", command=sys.executable, args=["-m", module], env=env)
        async with create_session(started) as session:
            await session.initialize()
            tools = await load_mcp_tools(session)
            server = importlib.import_module(module)
            yield Shop(domain, tools, server, Path(folder), source, secrets.token_bytes(32))


def _asked(place: int, call: dict[str, Any], key: str) -> AIMessage:
    arguments = {**call["arguments"], "state_key": key}
    return AIMessage("", tool_calls=[{"id": str(place), "name": call["name"], "args": arguments}])


def _writes(calls: list[dict[str, Any]]) -> Counter[str]:
    told = (json.dumps([call["name"], call["arguments"]], sort_keys=True) for call in calls)
    return Counter(one for one, call in zip(told, calls, strict=True) if not call["name"].startswith(_READS))


def _middle(calls: list[dict[str, Any]]) -> int:
    """Return the place of the middle one of the calls that change something, or of all where none does."""
    places = [place for place, call in enumerate(calls) if not call["name"].startswith(_READS)]
    places = places or list(range(len(calls)))
    return places[len(places) // 2]
