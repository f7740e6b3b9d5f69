"""The hybrid graph's shape with steps that do nothing: what LangGraph alone costs a turn on the direct track."""

from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langgraph.graph import END, START, StateGraph

from twintrack.core.context import Context
from twintrack.graphs.branches import in_loop
from twintrack.nodes.admit import NEW_TURN
from twintrack.nodes.recover import to_fail
from twintrack.nodes.state import NOTHING_RECALLED, DirectOutput, DirectState, InputState, OutputState, State

_DRAFT = {"status": "answered", "text": "x", "citations": []}


def bare_graph(model: BaseChatModel) -> StateGraph[State, Context, InputState, OutputState]:
    """Return the picture of `graphs.hybrid`, edge for edge; a test compares the two drawings.

    Part of the shape are the schemas, the choices between ways, the way a broken step takes, that the direct track
    keeps no versions of its own, that its model streams, and which channels a step writes. What a step does, and how
    large the values are, is not: these write constants.
    """
    graph = StateGraph(State, context_schema=Context, input_schema=InputState, output_schema=OutputState)
    broken: Any = to_fail
    graph.set_node_defaults(error_handler=broken)
    graph.add_node("admit", _writes({**NEW_TURN, "question": "x"}))
    graph.add_node("recall", _writes({"recalled": NOTHING_RECALLED}))
    graph.add_node("route", _writes({"decision": {"route": "direct", "confidence": 0.9, "reason": "bare"}}))
    graph.add_node("direct", _direct(model).compile(name="direct", checkpointer=False))
    graph.add_node("release", _writes({"answer": _DRAFT, "draft": _DRAFT, "messages": [AIMessage("x")]}))
    for name in ("team", "step_down", "remember", "refuse", "fail"):
        graph.add_node(name, _writes({}))
    graph.add_edge(START, "admit")
    graph.add_conditional_edges("admit", _always("recall"), ["recall", "refuse"])
    graph.add_edge("recall", "route")
    graph.add_conditional_edges("route", _always("direct"), ["direct", "team", "release"])
    graph.add_conditional_edges("direct", _always("release"), ["team", "release"])
    graph.add_conditional_edges("team", _always("release"), ["step_down", "release"])
    graph.add_edge("step_down", "direct")
    graph.add_edge("release", "remember")
    for name in ("remember", "refuse", "fail"):
        graph.add_edge(name, END)
    return graph


def _direct(model: BaseChatModel) -> StateGraph[DirectState, Context, DirectState, DirectOutput]:
    async def answer(state: DirectState) -> dict[str, Any]:
        text = "".join([str(chunk.text) async for chunk in model.astream(state["question"])])
        return {"draft": {**_DRAFT, "text": text}}

    graph = StateGraph(DirectState, context_schema=Context, output_schema=DirectOutput)
    graph.add_node("rewrite", _writes({"query": "x"}))
    graph.add_node("retrieve", _writes({"passages": []}))
    graph.add_node("grade", _writes({"evidence": 1.0, "tried": ["direct"], "draft": None}))
    graph.add_node("answer", answer)
    graph.add_node("verify", _writes({"draft": _DRAFT}))
    graph.add_edge(START, "rewrite")
    graph.add_edge("rewrite", "retrieve")
    graph.add_edge("retrieve", "grade")
    graph.add_conditional_edges("grade", _always("answer"), ["answer", END])
    graph.add_edge("answer", "verify")
    graph.add_edge("verify", END)
    return graph


def _writes(update: dict[str, Any]) -> Any:
    async def step(_: Any) -> dict[str, Any]:
        return update

    return step


def _always(name: str) -> Any:
    return in_loop(lambda _: name)
