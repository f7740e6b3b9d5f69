"""Opens the MCP servers of the settings and hands their tools to the agents that may call them."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from importlib.util import find_spec

from langchain_core.tools import BaseTool

from twintrack.app.mcp_server import McpServer
from twintrack.core.errors import SettingsError
from twintrack.core.settings import McpServerSettings
from twintrack.graphs.agent_row import AgentSpec
from twintrack.guardrails.tools import ToolAnnotations


@dataclass(frozen=True, slots=True)
class OutsideTools:
    """Tools of others, by agent, and what the settings say that they do."""

    by_agent: dict[str, tuple[BaseTool, ...]] = field(default_factory=dict)
    annotations: dict[str, ToolAnnotations] = field(default_factory=dict)


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
        given.annotations.update(
            {
                tool: ToolAnnotations(read_only=tool in settings.read_only, destructive=tool in settings.destructive)
                for tool in tools
            }
        )
    return given


def with_tools(rows: Sequence[AgentSpec], given: OutsideTools) -> tuple[AgentSpec, ...]:
    """Return the table of agents with the tools added to their rows.

    Raises:
        SettingsError: tools are meant for an agent that is not in the table.
    """
    if unknown := set(given.by_agent) - {row.name for row in rows}:
        names = ", ".join(row.name for row in rows)
        raise SettingsError(
            f"MCP tools are meant for {min(unknown)!r}, and there is no such agent.", fix=f"name {names}"
        )
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
