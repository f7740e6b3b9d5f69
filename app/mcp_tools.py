"""Opens the MCP servers of the settings and hands their tools to the agents that may call them."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from weakref import WeakKeyDictionary

from langchain_core.tools import BaseTool

from twintrack.app.mcp_server import ABSENT, McpServer
from twintrack.core.errors import SettingsError
from twintrack.core.settings import McpServerSettings, McpToolSettings
from twintrack.graphs.agent_row import AgentSpec
from twintrack.guardrails.argument_rules import ArgumentRule
from twintrack.guardrails.tools import ToolAnnotations


@dataclass(frozen=True, slots=True)
class OutsideTools:
    """Tools of others, by agent, and what the settings say that they do."""

    by_agent: dict[str, tuple[BaseTool, ...]] = field(default_factory=dict)
    annotations: dict[str, ToolAnnotations] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """Tell whether every server answered."""
        return not any((tool.metadata or {}).get(ABSENT) for tools in self.by_agent.values() for tool in tools)


@asynccontextmanager
async def open_mcp(chosen: Mapping[str, McpServerSettings]) -> AsyncIterator[OutsideTools]:
    """Give the servers' tools; every session is closed at the end.

    Raises:
        SettingsError: two servers offer agents a tool of the same name, or what speaks MCP is not installed.
    """
    if chosen and find_spec("langchain_mcp_adapters") is None:
        raise SettingsError("MCP servers need langchain-mcp-adapters.", fix='pip install "twintrack[mcp]"')
    servers = {name: McpServer(name, settings) for name, settings in chosen.items()}
    try:
        found = await asyncio.gather(*(server.tools() for server in servers.values()))
        yield _given(dict(zip(servers, found, strict=True)), chosen)
    finally:
        for server in servers.values():
            await server.aclose()


def _given(found: Mapping[str, Mapping[str, BaseTool]], chosen: Mapping[str, McpServerSettings]) -> OutsideTools:
    given = OutsideTools()
    for name, tools in found.items():
        if twice := set(tools) & set(given.annotations):
            raise SettingsError(f"Two MCP servers have a tool {min(twice)!r}.", fix="let agents see one of them")
        settings = chosen[name]
        for agent, wanted in settings.agents.items():
            given.by_agent[agent] = (*given.by_agent.get(agent, ()), *(tools[one] for one in wanted))
        given.annotations.update({tool: annotations_of(tool, settings) for tool in tools})
    return given


def annotations_of(tool: str, settings: McpServerSettings) -> ToolAnnotations:
    """Return what the settings say of a tool; without a word it may do anything."""
    known = settings.tools.get(tool, McpToolSettings())
    rules = {
        name: ArgumentRule(
            **{
                **one.model_dump(),
                "hosts": None if one.hosts is None else frozenset(one.hosts),
                "sources": frozenset(one.sources),
                "pointed_at": frozenset(one.pointed_at),
                "not_from": frozenset(one.not_from),
            }
        )
        for name, one in known.arguments.items()
    }
    return ToolAnnotations(
        read_only=known.read_only or tool in settings.read_only,
        destructive=known.destructive or tool in settings.destructive,
        approve=known.approve,
        asked_by=frozenset(known.asked_by),
        arguments=rules,
        result=known.result,
        cache_seconds=known.cache_seconds,
    )


class LateTools:
    """The same servers, opened at the first run that needs them: for a process that may do no I/O before."""

    def __init__(self, chosen: Mapping[str, McpServerSettings]) -> None:
        self._chosen = chosen
        self._open: WeakKeyDictionary[asyncio.AbstractEventLoop, _Opened] = WeakKeyDictionary()

    def named(self, rows: Sequence[AgentSpec]) -> tuple[AgentSpec, ...]:
        """Return the table with the names of the tools that each row will have."""
        wanted: dict[str, tuple[str, ...]] = {}
        for settings in self._chosen.values():
            for agent, names in settings.agents.items():
                wanted[agent] = (*wanted.get(agent, ()), *names)
        _check_agents(wanted, rows)
        return tuple(replace(row, outside=wanted.get(row.name, ()), outside_tools=self.of) for row in rows)

    async def of(self, row: AgentSpec) -> tuple[AgentSpec, Mapping[str, ToolAnnotations], bool]:
        """Return a row with its tools, what is known of them, and whether every server answered."""
        opened = self._open.setdefault(asyncio.get_running_loop(), _Opened(AsyncExitStack(), asyncio.Lock()))
        async with opened.turn:
            if opened.tools is None or not opened.tools.whole:
                await opened.stack.aclose()
                opened.tools = await opened.stack.enter_async_context(open_mcp(self._chosen))
            given = opened.tools
        (added,) = with_tools([row], OutsideTools({row.name: given.by_agent[row.name]}, given.annotations))
        return added, given.annotations, given.whole

    async def aclose(self) -> None:
        """Close the running loop's sessions."""
        if opened := self._open.pop(asyncio.get_running_loop(), None):
            await opened.stack.aclose()


@dataclass(slots=True)
class _Opened:
    """The sessions of one event loop."""

    stack: AsyncExitStack
    turn: asyncio.Lock
    tools: OutsideTools | None = None


def with_tools(rows: Sequence[AgentSpec], given: OutsideTools) -> tuple[AgentSpec, ...]:
    """Return the table of agents with the tools added to their rows.

    Raises:
        SettingsError: tools are meant for an agent that is not in the table.
    """
    _check_agents(given.by_agent, rows)
    taken = {tool if isinstance(tool, str) else tool.name for row in rows for tool in row.tools}
    if twice := taken & set(given.annotations):
        raise SettingsError(f"An MCP server has a tool {min(twice)!r}, as agents have one already.", fix="leave it out")
    return tuple(
        # What such a tool says stands in no document, so it counts without a citation.
        replace(row, tools=(*row.tools, *given.by_agent[row.name]), computes=True)
        if row.name in given.by_agent
        else row
        for row in rows
    )


def _check_agents(wanted: Mapping[str, object], rows: Sequence[AgentSpec]) -> None:
    if unknown := set(wanted) - {row.name for row in rows}:
        names = ", ".join(row.name for row in rows)
        raise SettingsError(
            f"MCP tools are meant for {min(unknown)!r}, and there is no such agent.", fix=f"name {names}"
        )
