"""The direct track: rewrite -> retrieve -> grade -> answer -> verify."""

from functools import partial
from typing import Any

from langgraph.graph import END, START, StateGraph

from twintrack.core.context import Context
from twintrack.graphs.branches import in_loop
from twintrack.graphs.resources import Resources
from twintrack.graphs.timed import timed
from twintrack.nodes.answer import answer, quote
from twintrack.nodes.grade import grade, graded
from twintrack.nodes.retrieve import retrieve
from twintrack.nodes.rewrite import rewrite
from twintrack.nodes.state import DirectOutput, DirectState
from twintrack.nodes.verify import verify


def build(resources: Resources) -> StateGraph[DirectState, Context, DirectState, DirectOutput]:
    """Draw: START -> rewrite -> retrieve -> grade -+-> answer -> verify -> END.

    Weak evidence leaves from `grade` without a draft.
    """
    embedder, model, judge = resources.embedder, resources.models.chat("answerer"), resources.models.chat("judge")
    heard = resources.policy if judge is None else None
    given: dict[str, Any] = {"embedder": embedder, "answerable": resources.answerable, "policy": heard}
    tokens, seconds = resources.budgets.max_passage_tokens, resources.budgets.step_seconds
    write = partial(answer, model=model, max_tokens=tokens, **given) if model else partial(quote, **given)
    graph = StateGraph(DirectState, context_schema=Context, output_schema=DirectOutput)
    graph.add_node("rewrite", timed("rewrite", partial(rewrite, model=model), seconds))
    found = partial(retrieve, corpus=resources.corpus, embedder=embedder)
    graph.add_node("retrieve", timed("retrieve", found, seconds))
    graph.add_node("grade", grade)
    graph.add_node("answer", timed("answer", write, seconds))
    graph.add_node("verify", timed("verify", partial(verify, model=judge, policy=resources.policy), seconds))
    graph.add_edge(START, "rewrite")
    graph.add_edge("rewrite", "retrieve")
    graph.add_edge("retrieve", "grade")
    graph.add_conditional_edges("grade", in_loop(graded(resources.router.weak_evidence)), ["answer", END])
    graph.add_edge("answer", "verify")
    graph.add_edge("verify", END)
    return graph
