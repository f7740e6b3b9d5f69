"""Bring back what the three memory tiers know that bears on the question, and its answer where one is kept."""

import asyncio
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.runtime import Runtime

from twintrack.core.context import Context, identity_of
from twintrack.core.embeddings import Embedder
from twintrack.memory.tiers import Memory
from twintrack.nodes.prompts import chosen_locale
from twintrack.nodes.reuse import Reuse
from twintrack.nodes.state import State


async def recall(
    state: State,
    runtime: Runtime[Context],
    config: RunnableConfig,
    *,
    memory: Memory,
    embedder: Embedder,
    reuse: Reuse | None = None,
) -> dict[str, Any]:
    """Ask all tiers and the answer cache at once, with the one embedding of the question that later steps reuse."""
    vector = await embedder.embed_one(state["question"])
    identity = identity_of(runtime)
    thread_id = str(config["configurable"].get("thread_id", ""))
    tiers = memory.recall(
        state["question"],
        vector,
        identity=identity,
        thread_id=thread_id,
        messages=state["messages"],
    )
    if reuse is None:
        return {"recalled": await tiers}
    recalled, looked = await asyncio.gather(tiers, reuse.look(state, identity, chosen_locale()))
    return {"recalled": recalled, **await reuse.settle(looked, state, recalled, thread_id=thread_id)}
