"""The team: plan -> delegate =Send=> agent ... agent -> gather -> (delegate | plan | compose) -> verify."""

import sys
from collections.abc import Mapping, Sequence
from functools import partial

from langgraph.graph import END, START, StateGraph

from twintrack.core.breaker import LocalBreaker
from twintrack.core.context import Context
from twintrack.graphs import peers
from twintrack.graphs.agent_row import AgentSpec, whole, with_colleagues
from twintrack.graphs.agents import cards, done_once, table
from twintrack.graphs.branches import in_loop
from twintrack.graphs.make_agents import build_agents, seconds_of
from twintrack.graphs.resources import Resources, too_much
from twintrack.nodes.compose import compose
from twintrack.nodes.delegate import delegate, ready
from twintrack.nodes.effort import counting
from twintrack.nodes.gather import gather, gathered
from twintrack.nodes.member import TeamMember
from twintrack.nodes.plan import Planner, model_planner, plan, rule_planner
from twintrack.nodes.replanning import noting, resting
from twintrack.nodes.state import TeamOutput, TeamState
from twintrack.nodes.verify import verify_findings
from twintrack.nodes.work import Agent, work


def build(
    resources: Resources,
    rows: Sequence[AgentSpec] | None = None,
    *,
    planner: Planner | None = None,
    agents: Mapping[str, Agent] | None = None,
) -> StateGraph[TeamState, Context, TeamState, TeamOutput]:
    """Draw: START -> plan -> delegate =Send=> agent -> gather -> (delegate | plan | compose) -> verify -> END.

    delegate -> ask -> delegate where a person must approve a step first.

    Args:
        resources: What it works with.
        rows: Who is in the team; None takes the table.
        planner: Plans instead of the planning model, or the rules.
        agents: Who does the work, by name, instead of what the rows make.
    """
    rows = table(resources) if rows is None else rows
    if agents is None:
        agents = build_agents(resources, rows, partial(member, resources), at_once=resources.team.at_once)
    return _drawn(resources, rows, agents, planner)


def _drawn(
    resources: Resources, rows: Sequence[AgentSpec], agents: Mapping[str, Agent], planner: Planner | None = None
) -> StateGraph[TeamState, Context, TeamState, TeamOutput]:
    budgets, replans = resources.budgets, planner is not None or resources.models.chat("planner") is not None
    once, limit = done_once(rows, resources.annotations), budgets.max_plan_steps
    breaker = LocalBreaker(resources.team.replan_failures or sys.maxsize, resources.team.replan_rest_s)
    planner = resting(planner or _planner(resources, rows), breaker)
    graph = StateGraph(TeamState, context_schema=Context, output_schema=TeamOutput)
    graph.add_node("plan", partial(plan, planner=planner, limit=limit, reuse=resources.reuse))
    graph.add_node("delegate", partial(delegate, approve=resources.approve, once=once))
    graph.add_node("ask", partial(resources.asking.about, once=once))
    graph.add_node("agent", partial(work, agents=agents, seconds=seconds_of(rows, budgets.agent_seconds)))
    graph.add_node("gather", noting(gather, breaker))
    graph.add_node("compose", partial(compose, model=resources.models.chat("answerer")))
    check = partial(verify_findings, corpus=resources.corpus, model=resources.models.chat("judge"))
    graph.add_node("verify", counting(check, too_much(resources)))
    graph.add_edge(START, "plan")
    graph.add_edge("plan", "delegate")
    graph.add_conditional_edges("delegate", in_loop(ready(once)), ["agent", "ask", "gather"])
    graph.add_edge("ask", "delegate")
    graph.add_edge("agent", "gather")
    graph.add_conditional_edges(
        "gather", in_loop(gathered(budgets.max_replans, replans)), ["delegate", "plan", "compose"]
    )
    graph.add_edge("compose", "verify")
    graph.add_edge("verify", END)
    return graph


def member(resources: Resources, spec: AgentSpec) -> TeamMember:
    """Return a row's members as one agent, working together by the row's pattern."""
    peering = spec.pattern == "peers"
    rows = [with_colleagues(row, spec.members) for row in spec.members] if peering else spec.members
    hands = build_agents(resources, rows, partial(member, resources), at_once=spec.members_at_once)
    if not peering:
        return TeamMember(_drawn(resources, rows, hands).compile(name=spec.name))
    hops = whole(spec, resources.team).max_hops or 0
    seconds = seconds_of(rows, resources.budgets.agent_seconds)
    once = done_once(rows, resources.annotations)
    graph = peers.build(resources, hands, seconds=seconds, max_hops=hops, once=once)
    return TeamMember(graph.compile(name=spec.name))


def _planner(resources: Resources, rows: Sequence[AgentSpec]) -> Planner:
    model, limit = resources.models.chat("planner"), resources.budgets.max_plan_steps
    by_rules = rule_planner(cards(rows), resources.embedder, limit)
    return model_planner(model, cards(rows), limit, by_rules) if model else by_rules
