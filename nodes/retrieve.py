"""Find the passages that bear on the question."""

from functools import partial
from typing import Any

from langgraph.runtime import Runtime

from twintrack.core.context import Context, identity_of
from twintrack.core.corpus import Corpus
from twintrack.core.embeddings import Embedder
from twintrack.nodes.state import DirectState


async def retrieve(
    state: DirectState, runtime: Runtime[Context], *, corpus: Corpus, embedder: Embedder
) -> dict[str, Any]:
    """Search the caller's corpus by words and by meaning."""
    query = state["query"]
    return {"passages": await corpus.search(query, partial(embedder.embed_one, query), identity=identity_of(runtime))}
