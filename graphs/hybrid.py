"""The whole picture: one question in, one labelled answer out, by one of two tracks."""
# LangGraph types neither error handlers that take the error nor partials.
# pyright: reportArgumentType=false

from functools import partial

from langgraph.graph import END, START, StateGraph

from twintrack.core.context import Context
from twintrack.graphs import direct, team
from twintrack.graphs.branches import in_loop
from twintrack.graphs.resources import Resources
from twintrack.graphs.timed import timed
from twintrack.nodes import recover
from twintrack.nodes.admit import admit, admitted
from twintrack.nodes.recall import recall
from twintrack.nodes.refuse import fail, refuse
from twintrack.nodes.release import release
from twintrack.nodes.remember import remember
from twintrack.nodes.route import Router, chosen, route
from twintrack.nodes.state import InputState, OutputState, State
from twintrack.nodes.step_down import after_direct, after_team, step_down


def build(resources: Resources) -> StateGraph[State, Context, InputState, OutputState]:
    """Draw: START -> admit -> recall -> route -> (direct | team) -> release -> remember -> END.

    admit  -> refuse when a rail blocks;  route -> release with a kept answer;  direct -> team without an answer;
    team -> step_down -> direct when the team has no answer;  any broken step -> fail.
    """
    embedder, budgets = resources.embedder, resources.budgets
    seconds = budgets.step_seconds
    router = Router(
        classifier=resources.classifier,
        thresholds=resources.thresholds,
        model=resources.models.chat("router"),
    )
    graph = StateGraph(State, context_schema=Context, input_schema=InputState, output_schema=OutputState)
    graph.set_node_defaults(error_handler=recover.to_fail)
    graph.add_node("admit", partial(admit, policy=resources.policy))
    graph.add_node(
        "recall",
        timed("recall", partial(recall, memory=resources.memory, embedder=embedder, reuse=resources.reuse), seconds),
        error_handler=recover.to_route,
    )
    graph.add_node(
        "route",
        timed("route", partial(route, router=router, embedder=embedder), seconds),
        error_handler=recover.to_team,
    )
    graph.add_node("direct", direct.build(resources).compile(name="direct", checkpointer=False))
    graph.add_node(
        "team",
        team.build(resources).compile(name="team"),
        error_handler=recover.to_step_down,
        timeout=budgets.max_seconds,
    )
    graph.add_node("step_down", step_down)
    graph.add_node("release", partial(release, policy=resources.policy))
    graph.add_node(
        "remember",
        timed("remember", partial(remember, memory=resources.memory, reuse=resources.reuse), seconds),
        error_handler=recover.keep_answer,
    )
    graph.add_node("refuse", refuse)
    graph.add_node("fail", fail)
    graph.add_edge(START, "admit")
    graph.add_conditional_edges("admit", in_loop(admitted), ["recall", "refuse"])
    graph.add_edge("recall", "route")
    graph.add_conditional_edges("route", in_loop(chosen), ["direct", "team", "release"])
    graph.add_conditional_edges("direct", in_loop(after_direct), ["team", "release"])
    graph.add_conditional_edges("team", in_loop(after_team), ["step_down", "release"])
    graph.add_edge("step_down", "direct")
    graph.add_edge("release", "remember")
    graph.add_edge("remember", END)
    graph.add_edge("refuse", END)
    graph.add_edge("fail", END)
    return graph
