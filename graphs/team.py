"""The team: plan -> delegate =Send=> agent ... agent -> gather -> (delegate | plan | compose) -> verify."""

from functools import partial

from langgraph.graph import END, START, StateGraph

from twintrack.core.context import Context
from twintrack.graphs.agents import build_agents, cards
from twintrack.graphs.branches import in_loop
from twintrack.graphs.resources import Resources
from twintrack.nodes.compose import compose
from twintrack.nodes.delegate import delegate, ready
from twintrack.nodes.gather import gather, gathered
from twintrack.nodes.plan import Planner, model_planner, plan, rule_planner
from twintrack.nodes.state import TeamOutput, TeamState
from twintrack.nodes.verify import verify_findings
from twintrack.nodes.work import work


def build(resources: Resources) -> StateGraph[TeamState, Context, TeamState, TeamOutput]:
    """Draw: START -> plan -> delegate =Send=> agent -> gather -> (delegate | plan | compose) -> verify -> END."""
    budgets, model = resources.budgets, resources.models.chat("planner")
    agents = build_agents(resources)
    graph = StateGraph(TeamState, context_schema=Context, output_schema=TeamOutput)
    graph.add_node("plan", partial(plan, planner=_planner(resources)))
    graph.add_node("delegate", partial(delegate, approve=resources.approve))
    graph.add_node("agent", partial(work, agents=agents, seconds=budgets.agent_seconds))
    graph.add_node("gather", gather)
    graph.add_node("compose", partial(compose, model=resources.models.chat("answerer")))
    graph.add_node("verify", partial(verify_findings, corpus=resources.corpus, model=resources.models.chat("judge")))
    graph.add_edge(START, "plan")
    graph.add_edge("plan", "delegate")
    graph.add_conditional_edges("delegate", in_loop(ready), ["agent", "gather"])
    graph.add_edge("agent", "gather")
    graph.add_conditional_edges(
        "gather", in_loop(gathered(budgets.max_replans, model is not None)), ["delegate", "plan", "compose"]
    )
    graph.add_edge("compose", "verify")
    graph.add_edge("verify", END)
    return graph


def _planner(resources: Resources) -> Planner:
    model, limit = resources.models.chat("planner"), resources.budgets.max_plan_steps
    by_rules = rule_planner(cards(), resources.embedder, limit)
    return model_planner(model, cards(), limit, by_rules) if model else by_rules
