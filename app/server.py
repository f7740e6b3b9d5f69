"""What langgraph.json names: the graph, where its versions and its store are kept; importing this does no I/O."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from twintrack.app.assemble import build_graph, make_parts, versioned_saver, with_late_tools
from twintrack.app.lapsed import Lapsed
from twintrack.app.mcp_tools import LateTools
from twintrack.app.run_queue import RunQueue
from twintrack.core.embeddings import try_out
from twintrack.core.redis_check import check_server
from twintrack.core.settings import load_settings
from twintrack.graphs import indexer as indexing
from twintrack.graphs.traced import traced
from twintrack.memory.checkpoints import VersionedRedisSaver
from twintrack.memory.store import RedisVectorStore
from twintrack.memory.versions import Versions

__all__ = ["checkpointer", "graph", "indexer", "lapsed", "parts", "saver", "store", "versions"]

log = logging.getLogger("twintrack.server")

_chosen = load_settings()
_outside = LateTools(_chosen.mcp)
parts = with_late_tools(make_parts(_chosen), _outside)
saver = versioned_saver(parts)
_saved = build_graph(parts, checkpointer=saver)
versions = Versions(_saved, parts.resources.memory)
# A thread that a run works on is left alone: it is looked at again.
lapsed = Lapsed(_saved, parts, RunQueue("reject", 0))

graph = build_graph(parts)
indexer = traced(
    indexing.build(parts.resources.corpus, parts.settings.server.documents).compile(name="indexer"), parts.tracer
).with_config(recursion_limit=parts.settings.budgets.max_steps)


@asynccontextmanager
async def checkpointer() -> AsyncIterator[VersionedRedisSaver]:
    """Give the saver; the server opens it first and closes it last, so everything else is closed here too."""
    try:
        await check_server(parts.source)
        await parts.resources.models.warm()
        await try_out(parts.resources.embedder)
        async with saver:
            yield saver
    finally:
        await _outside.aclose()
        await parts.aclose()


@asynccontextmanager
async def store() -> AsyncIterator[RedisVectorStore]:
    """Give the store that the server's store API reads and writes."""
    yield RedisVectorStore(parts.source, parts.resources.embedder)
