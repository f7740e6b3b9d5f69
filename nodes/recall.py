"""Bring back what the three memory tiers know that bears on the question."""

from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.runtime import Runtime

from twintrack.core.context import Context, identity_of
from twintrack.core.embeddings import Embedder
from twintrack.memory.tiers import Memory
from twintrack.nodes.state import State


async def recall(
    state: State, runtime: Runtime[Context], config: RunnableConfig, *, memory: Memory, embedder: Embedder
) -> dict[str, Any]:
    """Ask all tiers at once, with the one embedding of the question that later steps reuse."""
    vector = await embedder.embed_one(state["question"])
    recalled = await memory.recall(
        state["question"],
        vector,
        identity=identity_of(runtime),
        thread_id=str(config["configurable"].get("thread_id", "")),
        messages=state["messages"],
    )
    return {"recalled": recalled}
