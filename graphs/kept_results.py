"""Lets the results of a row's agent be given again, where the row says so and all that the agent does is read."""

import json
from collections.abc import Mapping, Sequence
from hashlib import blake2b

from langchain_core.tools import BaseTool

from twintrack.core.errors import SettingsError
from twintrack.graphs.agent_row import AgentSpec
from twintrack.graphs.agents import TOOLS, only_reads
from twintrack.graphs.resources import Resources
from twintrack.guardrails.tool_gate import schema_of
from twintrack.guardrails.tools import ToolAnnotations
from twintrack.nodes.given_again import GivenAgain
from twintrack.nodes.work import Agent


def keeping(spec: AgentSpec, agent: Agent, shelf: Mapping[str, BaseTool], resources: Resources) -> Agent:
    """Return the agent, behind the kept results of its row where it names seconds for them.

    Raises:
        SettingsError: more than the documents and the task goes into what the agent finds, or it may change something.
    """
    if not spec.cache_seconds or spec.outside:
        return agent  # tools that come later may do anything
    own = () if spec.members else spec.tools
    tools = [shelf[tool] if isinstance(tool, str) else tool for tool in own]
    if why := _why_not(spec, tools, {**TOOLS, **resources.annotations}):
        raise SettingsError(f"{spec.name}: its results cannot be given again: {why}.", fix="leave cache_seconds out")
    if resources.results is None:
        return agent
    return GivenAgain(
        agent=agent,
        name=spec.name,
        row=_version(spec, tools),
        seconds=spec.cache_seconds,
        shared=all(tool.name in TOOLS for tool in tools),
        corpus=resources.corpus if spec.reads else None,
        results=resources.results,
    )


def _why_not(spec: AgentSpec, tools: Sequence[BaseTool], known: Mapping[str, ToolAnnotations]) -> str:
    if spec.members or not only_reads(spec, known):
        return "it is not an agent whose tools only read"
    if beyond := spec.reads - {"documents"}:
        return f"it reads {min(beyond)}, which has no version"
    asked = (tool.name for tool in tools if _depends_on_who_asks(known[tool.name]))
    return next((f"whether {name} is called depends on who asks" for name in asked), "")


def _depends_on_who_asks(tool: ToolAnnotations) -> bool:
    return bool(tool.destructive or tool.approve or tool.asked_by or tool.arguments)


def _version(spec: AgentSpec, tools: Sequence[BaseTool]) -> str:
    """Return a name that changes with what the row makes of its agent."""
    told = [spec.prompt, spec.role, spec.computes, sorted(spec.reads), spec.model_calls, spec.tool_calls]
    shown = [[tool.name, tool.description, schema_of(tool)] for tool in tools]
    return blake2b(json.dumps([told, shown], sort_keys=True, default=str).encode(), digest_size=12).hexdigest()
