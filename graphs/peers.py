"""Peers: START -> peer =hand over=> peer ... -> gather -> compose -> verify; no one plans."""

from collections.abc import Callable, Mapping
from functools import partial

from langgraph.graph import END, START, StateGraph

from twintrack.core.context import Context
from twintrack.graphs.resources import Resources, too_much
from twintrack.nodes.compose import compose
from twintrack.nodes.effort import counting
from twintrack.nodes.gather import gather
from twintrack.nodes.hand_over import take_turn
from twintrack.nodes.state import PeersState, TeamOutput
from twintrack.nodes.verify import verify_findings
from twintrack.nodes.work import Agent


def build(
    resources: Resources, agents: Mapping[str, Agent], *, seconds: Callable[[str], float], max_hops: int
) -> StateGraph[PeersState, Context, PeersState, TeamOutput]:
    """Draw: START -> first peer =Command=> other peers -> gather -> compose -> verify -> END."""
    names = [*agents]
    graph = StateGraph(PeersState, context_schema=Context, output_schema=TeamOutput)
    for name in names:
        turn = partial(take_turn, name=name, agents=agents, seconds=seconds, max_hops=max_hops)
        graph.add_node(name, turn, destinations=(*(other for other in names if other != name), "gather"))
    graph.add_node("gather", gather)
    graph.add_node("compose", partial(compose, model=resources.models.chat("answerer")))
    check = partial(verify_findings, corpus=resources.corpus, model=resources.models.chat("judge"))
    graph.add_node("verify", counting(check, too_much(resources)))
    graph.add_edge(START, names[0])
    graph.add_edge("gather", "compose")
    graph.add_edge("compose", "verify")
    graph.add_edge("verify", END)
    return graph
