"""Peers: START -> peer =hand over=> peer ... -> gather -> compose -> verify; no one plans."""

from collections.abc import Callable, Collection, Mapping
from functools import partial

from langgraph.graph import END, START, StateGraph

from twintrack.core.context import Context
from twintrack.graphs.resources import Resources, too_much
from twintrack.nodes.compose import compose
from twintrack.nodes.effort import counting
from twintrack.nodes.gather import gather
from twintrack.nodes.hand_over import ask_about_turn, take_turn
from twintrack.nodes.state import PeersState, TeamOutput
from twintrack.nodes.verify import verify_findings
from twintrack.nodes.work import Agent


def build(
    resources: Resources,
    agents: Mapping[str, Agent],
    *,
    seconds: Callable[[str], float],
    max_hops: int,
    once: Collection[str] = frozenset(),
) -> StateGraph[PeersState, Context, PeersState, TeamOutput]:
    """Draw: START -> first peer =Command=> other peers -> gather -> compose -> verify -> END.

    peer => ask => peer where a person must approve the one who is next.
    """
    names, approve = [*agents], resources.approve
    graph = StateGraph(PeersState, context_schema=Context, output_schema=TeamOutput)
    for name in names:
        turn = partial(take_turn, name=name, agents=agents, seconds=seconds, max_hops=max_hops, approve=approve)
        graph.add_node(name, turn, destinations=(*(other for other in names if other != name), "ask", "gather"))
    asked = partial(ask_about_turn, first=names[0], asking=resources.asking, once=once)
    graph.add_node("ask", asked, destinations=(*names, "gather"))
    graph.add_node("gather", gather)
    graph.add_node("compose", partial(compose, model=resources.models.chat("answerer")))
    check = partial(verify_findings, corpus=resources.corpus, model=resources.models.chat("judge"))
    graph.add_node("verify", counting(check, too_much(resources)))
    graph.add_edge(START, "ask" if names[0] in approve else names[0])
    graph.add_edge("gather", "compose")
    graph.add_edge("compose", "verify")
    graph.add_edge("verify", END)
    return graph
