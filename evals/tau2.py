"""Replays τ²'s gold calls over MCP: whole, cut off and resumed, and delivered twice, and compares the databases."""

import asyncio
import copy
import hashlib
import importlib
import json
import secrets
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn

from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.tools import BaseTool

from twintrack.app.scripted_model import ScriptedChatModel
from twintrack.core.context import Context
from twintrack.core.errors import Conflict
from twintrack.core.redis_client import RedisSource
from twintrack.evals.show import Figures
from twintrack.guardrails.tool_gate import ToolGate
from twintrack.guardrails.tools import ToolAnnotations, ToolPolicy
from twintrack.memory.checkpoints import VersionedRedisSaver
from twintrack.memory.ledger import SideEffects
from twintrack.memory.vault import Vault

DOMAINS = ("retail", "airline")
Way = Literal["whole", "resumed", "twice", "killed"]
WAYS: tuple[Way, ...] = ("whole", "resumed", "twice")
AGENT = "clerk"
_READS = ("get_", "find_", "list_", "search_", "calculate")
Tick = Callable[[int, int, str], None]


class CutOff(Exception):
    """Ends a run as if its process had died."""


def cut_off() -> NoReturn:
    """End the run by an exception that nothing catches."""
    raise CutOff


class CutsOff(AgentMiddleware[Any, Any, Any]):
    """Ends the run after a call took effect and before its step is stored."""

    def __init__(self, after: str, end: Callable[[], object] = cut_off) -> None:
        super().__init__()
        self._after = after
        self._end = end

    async def awrap_tool_call(self, request: Any, handler: Callable[[Any], Awaitable[Any]]) -> Any:
        """Make the call, and die if it is the one."""
        result = await handler(request)
        if request.tool_call["id"] == self._after:
            self._end()
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
        at = place(f"eval-{key}-{secrets.token_hex(4)}", calls)
        try:
            begun = await self._cut(task, way, key, at) if calls else False
            extra = Twice() if way == "twice" else None
            await self.agent(calls, key, extra).ainvoke(None if begun else ASKED, at, context=EVAL)
        finally:
            await saver.adelete_thread(at["configurable"]["thread_id"])
        left, log = self._left(key)
        expected, failing = self._expected(calls)
        return Played(left == expected, (_writes(log) - _writes(calls) - failing).total())

    async def _cut(self, task: dict[str, Any], way: Way, key: str, at: Any) -> bool:
        """Run up to the cut, where the way has one; tell whether it was made."""
        if way == "killed":
            await killed_in_themiddle(self, task, key, at["configurable"]["thread_id"])
            return True
        if way != "resumed":
            return False
        calls = gold(task)
        try:
            await self.agent(calls, key, CutsOff(str(middle(calls)))).ainvoke(ASKED, at, context=EVAL)
        except CutOff:
            return True
        return False

    def agent(self, calls: list[dict[str, Any]], key: str, extra: AgentMiddleware[Any, Any, Any] | None) -> Any:
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


EVAL = Context(user_id="eval")
ASKED: dict[str, Any] = {"messages": [HumanMessage("Do what the task says.")]}


def place(thread_id: str, calls: Sequence[object]) -> Any:
    """Return the configuration of a run that makes so many calls."""
    return {"configurable": {"thread_id": thread_id}, "recursion_limit": 5 * len(calls) + 25}


async def killed_in_themiddle(shop: Shop, task: dict[str, Any], key: str, thread_id: str) -> None:
    """Let another process begin the task and die by SIGKILL in the middle.

    Raises:
        Conflict: it ended in another way.
    """
    settings = shop.source.settings
    url = settings.url.get_secret_value() if settings.url else None
    told = {
        "domain": shop.domain,
        "task": str(task["id"]),
        "key": key,
        "thread": thread_id,
        "folder": str(shop.folder),
        "secret": shop.secret.hex(),
        "redis": {"url": url, "data_dir": str(settings.data_dir)},
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "twintrack.evals.tau2_child",
        stdin=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await process.communicate(json.dumps(told).encode())
    if process.returncode != -signal.SIGKILL:
        raise Conflict(f"The process was not killed: {errors.decode()[-300:]}", fix="look at evals/tau2_child.py")


def gold(task: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the calls that solve the task."""
    return [one for one in task["evaluation_criteria"].get("actions") or [] if one.get("requestor") != "user"]


async def run(
    source: RedisSource, limit: int | None = None, tick: Tick = lambda *_: None, *, ways: Sequence[Way] = WAYS
) -> Figures:
    """Return the figures of each domain; with a limit, of its first tasks."""
    figures: Figures = {}
    for domain in DOMAINS:
        with tempfile.TemporaryDirectory(prefix="twintrack-eval-") as folder:
            async with opened(domain, source, Path(folder), secrets.token_bytes(32)) as shop:
                figures[domain] = await _judged(shop, shop.tasks()[:limit], tick, ways)
    return figures


async def _judged(shop: Shop, tasks: list[dict[str, Any]], tick: Tick, ways: Sequence[Way]) -> Figures:
    ended: dict[Way, list[Played]] = {way: [] for way in ways}
    for place, task in enumerate(tasks):
        tick(place, len(tasks), f"{shop.domain} {task['id']}")
        for way in ways:
            ended[way].append(await shop.play(task, way))
    equal = [all(one.equal for one in found) for found in zip(*ended.values(), strict=True)]
    return {
        "equal": sum(equal),
        "tasks": len(tasks),
        "equal_by_way": {way: sum(one.equal for one in found) for way, found in ended.items()},
        "writes_repeated": {way: sum(one.repeated for one in found) for way, found in ended.items()},
        "unequal": [str(task["id"]) for task, same in zip(tasks, equal, strict=True) if not same],
    }


@asynccontextmanager
async def opened(domain: str, source: RedisSource, folder: Path, secret: bytes) -> AsyncIterator[Shop]:
    """Start the domain's server, which keeps what it changes in the folder."""
    from langchain_mcp_adapters.sessions import StdioConnection, create_session
    from langchain_mcp_adapters.tools import load_mcp_tools

    module = f"tau2_{domain}_mcp.server"
    env = {f"TAU2_{domain.upper()}_MCP_STATE_DIR": str(folder)}
    started = StdioConnection(transport="stdio", command=sys.executable, args=["-m", module], env=env)
    async with create_session(started) as session:
        await session.initialize()
        tools = await load_mcp_tools(session)
        yield Shop(domain, tools, importlib.import_module(module), folder, source, secret)


def _asked(place: int, call: dict[str, Any], key: str) -> AIMessage:
    arguments = {**call["arguments"], "state_key": key}
    return AIMessage("", tool_calls=[{"id": str(place), "name": call["name"], "args": arguments}])


def _writes(calls: list[dict[str, Any]]) -> Counter[str]:
    told = (json.dumps([call["name"], call["arguments"]], sort_keys=True) for call in calls)
    return Counter(one for one, call in zip(told, calls, strict=True) if not call["name"].startswith(_READS))


def middle(calls: list[dict[str, Any]]) -> int:
    """Return the place of the middle one of the calls that change something, or of all where none does."""
    places = [place for place, call in enumerate(calls) if not call["name"].startswith(_READS)]
    places = places or list(range(len(calls)))
    return places[len(places) // 2]
