"""Puts the chosen parts together, opens what they need and closes what it opened."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from twintrack.app.application import App
from twintrack.app.mcp_tools import LateTools, OutsideTools, open_mcp, with_tools
from twintrack.app.parts import Parts, make_parts, versioned_saver
from twintrack.app.run_queue import RunQueue
from twintrack.core.embeddings import try_out
from twintrack.core.redis_check import check_server
from twintrack.core.redis_errors import translated
from twintrack.core.settings import Settings, load_settings
from twintrack.core.simplified import load_signs
from twintrack.graphs import hybrid
from twintrack.graphs.agents import table
from twintrack.graphs.thread_care import ThreadCare
from twintrack.graphs.traced import TracedGraph, traced
from twintrack.memory.versions import Versions

__all__ = [
    "App",
    "Parts",
    "build_graph",
    "make_parts",
    "open_app",
    "open_versions",
    "versioned_saver",
    "with_late_tools",
]


def build_graph(parts: Parts, *, checkpointer: Any = None, store: Any = None) -> TracedGraph:
    """Compile the hybrid graph; without a checkpointer it is what a server wants."""
    compiled = hybrid.build(parts.resources).compile(checkpointer=checkpointer, store=store, name="twintrack")
    budgets = parts.settings.budgets
    kept = parts.settings.checkpoints
    care = ThreadCare(on_error=kept.on_error, keep_last=kept.keep_last)
    graph = traced(compiled, parts.tracer, run_handlers=parts.meters.missing, care=care)
    return graph.with_config(recursion_limit=budgets.max_steps)


@asynccontextmanager
async def open_app(settings: Settings | None = None, **overrides: Any) -> AsyncIterator[App]:
    """Open the application; what it opened is closed at the end.

    Args:
        settings: The tree to use; None reads environment, `.env` and `twintrack.yaml`.
        overrides: `checkpointer=` any LangGraph saver; `models=` chat models by role; any field of `Resources`.

    Raises:
        SettingsError: a setting cannot be used.
        ModelUnavailable: a model has no key, or the embedder does not answer.
        RedisUnavailable: Redis does not answer as it must.
    """
    checkpointer = overrides.pop("checkpointer", None)
    parts = make_parts(settings or load_settings(), **overrides)
    logging.getLogger("twintrack").setLevel(parts.settings.log_level)
    try:
        async with open_mcp(parts.settings.mcp) as outside:
            parts = _equipped(parts, outside)
            await asyncio.gather(
                check_server(parts.source),
                parts.resources.models.warm(),
                try_out(parts.resources.embedder),
                asyncio.to_thread(load_signs),
            )
            await asyncio.to_thread(parts.masker.warm)
            await _tell_of_mismatch(parts)
            saver = checkpointer or versioned_saver(parts)
            graph = build_graph(parts, checkpointer=saver)
            tree = parts.settings
            yield App(
                graph=graph,
                parts=parts,
                versions=Versions(graph, parts.resources.memory),
                runs=RunQueue(tree.checkpoints.concurrent_runs, tree.budgets.max_seconds),
            )
    finally:
        await parts.aclose()


async def _tell_of_mismatch(parts: Parts) -> None:
    """Say once what of the corpus will not be found; it may be read in again through this very application."""
    async with translated():
        found = await parts.resources.corpus.mismatch()
    if found:
        logging.getLogger(__name__).warning("%s Fix: %s.", found.problem, found.fix)


def _equipped(parts: Parts, outside: OutsideTools) -> Parts:
    """Return the parts with the tools of others in the table of agents."""
    if not outside.by_agent:
        return parts
    agents = with_tools(table(parts.resources), outside)
    resources = replace(
        parts.resources, agents=agents, annotations={**outside.annotations, **parts.resources.annotations}
    )
    return replace(parts, resources=resources)


def with_late_tools(parts: Parts, outside: LateTools) -> Parts:
    """Return the parts with the names of others' tools in the table; the tools come at the first run."""
    if not parts.settings.mcp:
        return parts
    resources = replace(parts.resources, agents=outside.named(table(parts.resources)))
    return replace(parts, resources=resources)


@asynccontextmanager
async def open_versions() -> AsyncIterator[Versions]:
    """Open what reads and moves versions, and no model."""
    parts = make_parts(load_settings())
    logging.getLogger("twintrack").setLevel(parts.settings.log_level)
    try:
        async with translated():
            await check_server(parts.source)
            yield Versions(build_graph(parts, checkpointer=versioned_saver(parts)), parts.resources.memory)
    finally:
        await parts.aclose()
