"""Makes the agents of a table's rows: each by a model, by rules or as a team, within its limits."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from langchain_core.tools import BaseTool

from twintrack.core.errors import ModelUnavailable, SettingsError
from twintrack.graphs.agent_row import AgentSpec, whole
from twintrack.graphs.agents import TOOLS, name_of
from twintrack.graphs.late_agent import LateAgent
from twintrack.graphs.model_agent import model_agent
from twintrack.graphs.resources import Resources
from twintrack.guardrails.accounts import Limits
from twintrack.guardrails.gated_tool import GatedTool
from twintrack.guardrails.tool_gate import ToolGate
from twintrack.guardrails.tools import ToolAnnotations, ToolPolicy
from twintrack.nodes import tools
from twintrack.nodes.allowance import Metered
from twintrack.nodes.findings import GraphAgent
from twintrack.nodes.turnstile import Bounded, Paced, Turnstile
from twintrack.nodes.work import Absent, Agent

Team = Callable[[AgentSpec], Agent]
"""Makes the one agent of a row that has members."""
Shelf = Mapping[str, BaseTool]


def build_agents(
    resources: Resources, rows: Sequence[AgentSpec], team: Team, *, at_once: int | None
) -> dict[str, Agent]:
    """Make every agent of the rows, by a model where one is set and by rules where none is.

    Args:
        resources: What they work with.
        rows: Who they are.
        team: Makes a row that has members.
        at_once: How many of them may be at work at the same time.
    """
    kept = (tools.search_corpus(resources.corpus, resources.embedder), tools.calculate(resources.sandbox))
    shelf = {tool.name: tool for tool in kept}
    shared = [Turnstile(at_once)] if at_once is not None else []
    made = {}
    for row in rows:
        spec = whole(row, resources.team)
        made[spec.name] = _metered(spec, _bounded(spec, _agent(spec, resources, shelf, team), resources, shared))
    return made


def seconds_of(rows: Sequence[AgentSpec], otherwise: float) -> Callable[[str], float]:
    """Return what tells how long one task of an agent may take."""
    own = {row.name: row.seconds for row in rows if row.seconds is not None}
    return lambda name: own.get(name, otherwise)


def _metered(spec: AgentSpec, agent: Agent) -> Agent:
    limits = Limits(model_calls=spec.model_calls, tool_calls=spec.tool_calls, tokens=spec.tokens, cost=spec.cost)
    return Metered(agent, spec.name, limits)


def _bounded(spec: AgentSpec, agent: Agent, resources: Resources, shared: Sequence[Turnstile]) -> Agent:
    everywhere = spec.per_minute if resources.rates is not None else None
    here = None if everywhere else spec.per_minute
    own = [Turnstile(spec.at_once, here)] if (spec.at_once, here) != (None, None) else []
    if own or shared:
        # Who waits for a place of its own holds none of the team's meanwhile.
        agent = Bounded(agent, (*own, *shared), spec.priority)
    if everywhere and resources.rates is not None:
        agent = Paced(agent, spec.name, everywhere, resources.rates)
    return agent


def _agent(spec: AgentSpec, resources: Resources, shelf: Shelf, team: Team) -> Agent:
    if spec.members:
        return team(spec)
    if spec.outside and spec.outside_tools is not None:
        return LateAgent(spec, spec.outside_tools, partial(_with_outside, resources, shelf, team))
    if spec.graph is not None:
        return GraphAgent(spec.graph(resources), computes=spec.computes)
    model = resources.models.chat(spec.role)
    known = {**TOOLS, **resources.annotations}
    at_hand = [_taken(spec, tool, shelf, known) for tool in spec.tools]
    names = frozenset(tool.name for tool in at_hand)
    open_to = frozenset(map(str, spec.reads))
    policy = ToolPolicy(allowed={spec.name: names}, annotations=known, reads={spec.name: open_to})
    asking = resources.asking
    if model is not None:
        gate = ToolGate(
            policy, agent=spec.name, ledger=resources.ledger, approvals=asking.approvals, audit=asking.audit
        )
        graph = model_agent(spec, model, at_hand, policy, gate, resources.team)
        return GraphAgent(graph, computes=spec.computes)
    if spec.without_model is None:
        return Absent(ModelUnavailable(f"{spec.name} needs a model.", fix=f"set TWINTRACK_MODELS__{spec.role.upper()}"))
    gated = {
        tool.name: GatedTool(tool, policy, agent=spec.name, ledger=resources.ledger, audit=asking.audit)
        for tool in at_hand
    }
    return spec.without_model(resources, gated)


def _with_outside(
    resources: Resources, shelf: Shelf, team: Team, spec: AgentSpec, known: Mapping[str, ToolAnnotations]
) -> Agent:
    return _agent(spec, replace(resources, annotations={**known, **resources.annotations}), shelf, team)


def _taken(spec: AgentSpec, tool: str | BaseTool, shelf: Shelf, known: Mapping[str, ToolAnnotations]) -> BaseTool:
    """Return a tool that the row may have."""
    if isinstance(tool, str) and tool not in shelf:
        raise SettingsError(f"{spec.name}: there is no tool {tool!r}.", fix=f"name one of {', '.join(sorted(shelf))}")
    name = name_of(tool)
    if closed := known.get(name, ToolAnnotations()).reads - spec.reads:
        data = min(closed)
        raise SettingsError(f"{spec.name}: {name} reads {data}.", fix=f"add {data!r} to `reads` of the agent's row")
    return shelf[tool] if isinstance(tool, str) else tool
