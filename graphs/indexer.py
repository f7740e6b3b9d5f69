"""The indexer: START -> index -> END, so that documents can be brought in over a server's own API."""

from functools import partial
from pathlib import Path

from langgraph.graph import END, START, StateGraph

from twintrack.core.context import Context
from twintrack.core.corpus import Corpus
from twintrack.nodes.index import IndexInput, IndexState, index


def build(corpus: Corpus, folder: Path | None) -> StateGraph[IndexState, Context, IndexInput, IndexState]:
    """Draw: START -> index -> END."""
    graph = StateGraph(IndexState, context_schema=Context, input_schema=IndexInput)
    graph.add_node("index", partial(index, corpus=corpus, folder=folder))
    graph.add_edge(START, "index")
    graph.add_edge("index", END)
    return graph
