"""Makes the agents of a table's rows: each by a model, by rules or as a team, within its limits."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from langchain_core.tools import BaseTool

from twintrack.core.errors import ModelUnavailable, SettingsError
from twintrack.graphs.agent_row import AgentSpec, whole
from twintrack.graphs.agents import TOOLS, name_of
from twintrack.graphs.kept_results import keeping
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
from twintrack.nodes.stand_in import StoodIn
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
    sandbox = resources.sandbox
    kept = (
        tools.search_corpus(resources.corpus, resources.embedder),
        tools.calculate(sandbox),
        tools.run_python(sandbox),
    )
    shelf = {tool.name: tool for tool in kept}
    shared = [Turnstile(at_once)] if at_once is not None else []
    specs = {row.name: whole(row, resources.team) for row in rows}
    plain = {name: _agent(spec, resources, shelf, team) for name, spec in specs.items()}
    by_rules = {name: _by_rules(spec, resources, shelf) for name, spec in specs.items()}
    made = {}
    for name, spec in specs.items():
        agent = _with_stand_in(spec, plain, by_rules[name])
        made[name] = keeping(spec, _metered(spec, _bounded(spec, agent, resources, shared)), shelf, resources)
    return made


def _with_stand_in(spec: AgentSpec, plain: Mapping[str, Agent], by_rules: Agent | None) -> Agent:
    """Return the agent with whom its row names for where it fails; another row stands in as it is, without its own."""
    agent = plain[spec.name]
    if spec.fallback in ("", "rules"):
        return StoodIn(agent, spec.name, by_rules, "rules") if spec.fallback and by_rules else agent
    if spec.fallback not in plain or spec.fallback == spec.name:
        raise SettingsError(f"{spec.name}: nobody called {spec.fallback!r} can stand in.", fix="name another row")
    return StoodIn(agent, spec.name, plain[spec.fallback], spec.fallback)


def _by_rules(spec: AgentSpec, resources: Resources, shelf: Shelf) -> Agent | None:
    """Return the work by rules of an agent that a model plays; None where there is none, or it is all there is."""
    played = not spec.members and spec.graph is None and resources.models.chat(spec.role) is not None
    if not played or spec.without_model is None:
        return None
    known = {**TOOLS, **resources.annotations}
    at_hand = [_taken(spec, tool, shelf, known) for tool in spec.tools]
    return spec.without_model(resources, _gated(spec, at_hand, resources))


def _gated(spec: AgentSpec, at_hand: Sequence[BaseTool], resources: Resources) -> dict[str, GatedTool]:
    policy, audit = _policy(spec, at_hand, resources), resources.asking.audit
    return {
        tool.name: GatedTool(tool, policy, agent=spec.name, ledger=resources.ledger, audit=audit) for tool in at_hand
    }


def _policy(spec: AgentSpec, at_hand: Sequence[BaseTool], resources: Resources) -> ToolPolicy:
    return ToolPolicy(
        allowed={spec.name: frozenset(tool.name for tool in at_hand)},
        annotations={**TOOLS, **resources.annotations},
        reads={spec.name: frozenset(map(str, spec.reads))},
        max_result_chars=resources.team.result_chars,
    )


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
    asking = resources.asking
    if model is not None:
        policy = _policy(spec, at_hand, resources)
        gate = ToolGate(
            policy, agent=spec.name, ledger=resources.ledger, approvals=asking.approvals, audit=asking.audit
        )
        graph = model_agent(spec, model, at_hand, policy, gate, resources.team)
        return GraphAgent(graph, computes=spec.computes)
    if spec.without_model is None:
        return Absent(ModelUnavailable(f"{spec.name} needs a model.", fix=f"set TWINTRACK_MODELS__{spec.role.upper()}"))
    return spec.without_model(resources, _gated(spec, at_hand, resources))


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
