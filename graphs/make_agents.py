"""Makes the agents of a table's rows: each by a model, by rules or as a team, within its limits."""

from collections.abc import Callable, Mapping, Sequence

from langchain_core.tools import BaseTool

from twintrack.core.errors import ModelUnavailable, SettingsError
from twintrack.graphs.agent_row import AgentSpec, whole
from twintrack.graphs.agents import DATA, TOOLS
from twintrack.graphs.model_agent import model_agent
from twintrack.graphs.resources import Resources
from twintrack.guardrails.accounts import Limits
from twintrack.guardrails.gated_tool import GatedTool
from twintrack.guardrails.tools import ToolPolicy
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
    if spec.graph is not None:
        return GraphAgent(spec.graph(resources), computes=spec.computes)
    model = resources.models.chat(spec.role)
    at_hand = [_taken(spec, tool, shelf) for tool in spec.tools]
    names = frozenset(tool.name for tool in at_hand)
    policy = ToolPolicy(allowed={spec.name: names}, annotations={**TOOLS, **resources.annotations})
    if model is not None:
        graph = model_agent(spec, model, at_hand, policy, resources.ledger, resources.team)
        return GraphAgent(graph, computes=spec.computes)
    if spec.without_model is None:
        return Absent(ModelUnavailable(f"{spec.name} needs a model.", fix=f"set TWINTRACK_MODELS__{spec.role.upper()}"))
    gated = {tool.name: GatedTool(tool, policy, agent=spec.name, ledger=resources.ledger) for tool in at_hand}
    return spec.without_model(resources, gated)


def _taken(spec: AgentSpec, tool: str | BaseTool, shelf: Shelf) -> BaseTool:
    """Return a tool that the row may have."""
    if isinstance(tool, BaseTool):
        return tool
    if tool not in shelf:
        raise SettingsError(f"{spec.name}: there is no tool {tool!r}.", fix=f"name one of {', '.join(sorted(shelf))}")
    if (data := DATA.get(tool)) and data not in spec.reads:
        raise SettingsError(f"{spec.name}: {tool} reads {data}.", fix=f"add {data!r} to what the agent reads")
    return shelf[tool]
