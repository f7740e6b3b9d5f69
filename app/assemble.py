"""The one place that chooses concrete parts, opens what they need and closes what it opened."""

import asyncio
import dataclasses
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from twintrack.app.application import App
from twintrack.app.run_queue import RunQueue
from twintrack.core.corpus import Corpus
from twintrack.core.embeddings import open_embedder
from twintrack.core.kept_secret import KeptSecret
from twintrack.core.models import Models
from twintrack.core.redis_check import check_server
from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import Settings, load_settings
from twintrack.core.tracing import Tracer
from twintrack.graphs import hybrid
from twintrack.graphs.resources import Resources
from twintrack.graphs.traced import TracedGraph, traced
from twintrack.guardrails.budget import meters
from twintrack.guardrails.names import scrubber
from twintrack.guardrails.pii import Masker
from twintrack.guardrails.policy import default_policy, masker_for
from twintrack.memory.checkpoints import VersionedRedisSaver
from twintrack.memory.tiers import Memory
from twintrack.memory.vault import Vault
from twintrack.memory.versions import Versions
from twintrack.nodes.calculate import Sandbox
from twintrack.nodes.complexity import Complexity

__all__ = ["App", "Parts", "build_graph", "make_parts", "open_app"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything one process holds open; making it does no I/O."""

    settings: Settings
    source: RedisSource
    resources: Resources
    tracer: Tracer
    masker: Masker
    vault: Vault

    async def aclose(self) -> None:
        """Close what was opened, the trace queue last."""
        await self.resources.sandbox.aclose()
        await self.tracer.aclose()
        await self.source.aclose()


def make_parts(settings: Settings, **overrides: Any) -> Parts:
    """Choose every part; a keyword named like a field of `Resources` replaces that part."""
    source = RedisSource(settings.redis)
    embedder = overrides.pop("embedder", None) or open_embedder(settings.models)
    secret = _mask_secret(settings)
    masker = masker_for(settings.rails, secret)
    resources = Resources(
        embedder=embedder,
        corpus=Corpus(source, embedder, settings.retrieval),
        memory=Memory(source, embedder, settings.memory),
        models=Models(settings.models, overrides.pop("models", None)),
        policy=default_policy(settings, masker=masker),
        classifier=Complexity.shipped(),
        sandbox=Sandbox(),
        router=settings.router,
        budgets=settings.budgets,
        approve=frozenset(settings.team.approve),
    )
    return Parts(
        settings=settings,
        source=source,
        resources=dataclasses.replace(resources, **overrides),
        tracer=Tracer(settings.tracing, source=source, mask=scrubber(names=settings.tracing.mask_names)),
        masker=masker,
        vault=Vault(source, secret, ttl_days=settings.memory.episode_days),
    )


def _mask_secret(settings: Settings) -> Callable[[], bytes]:
    given = settings.rails.mask_key
    return given.get_secret_value().encode if given else KeptSecret(settings.redis.data_dir / "mask.key")


def build_graph(parts: Parts, *, checkpointer: Any = None, store: Any = None) -> TracedGraph:
    """Compile the hybrid graph; without a checkpointer it is what a server wants."""
    compiled = hybrid.build(parts.resources).compile(checkpointer=checkpointer, store=store, name="twintrack")
    budgets = parts.settings.budgets
    graph = traced(compiled, parts.tracer, run_handlers=meters(budgets))
    return graph.with_config(recursion_limit=budgets.max_steps)


@asynccontextmanager
async def open_app(settings: Settings | None = None, **overrides: Any) -> AsyncIterator[App]:
    """Open the application; what it opened is closed at the end.

    Args:
        settings: The tree to use; None reads environment, `.env` and `twintrack.yaml`.
        overrides: `checkpointer=` any LangGraph saver; `models=` chat models by role; any field of `Resources`.

    Raises:
        SettingsError: a setting cannot be used.
        RedisUnavailable: Redis does not answer as it must.
    """
    checkpointer = overrides.pop("checkpointer", None)
    parts = make_parts(settings or load_settings(), **overrides)
    logging.getLogger("twintrack").setLevel(parts.settings.log_level)
    try:
        await asyncio.gather(
            check_server(parts.source), parts.resources.models.warm(), asyncio.to_thread(parts.masker.warm)
        )
        saver = checkpointer or versioned_saver(parts)
        graph = build_graph(parts, checkpointer=saver)
        tree = parts.settings
        yield App(
            graph=graph,
            parts=parts,  # pyright: ignore[reportArgumentType] # it reads a linked file twice
            versions=Versions(graph, parts.resources.memory),
            runs=RunQueue(tree.checkpoints.concurrent_runs, tree.budgets.max_seconds),
        )
    finally:
        await parts.aclose()


def versioned_saver(parts: Parts) -> VersionedRedisSaver:
    """Return the saver on this process's Redis."""
    checkpoints = parts.settings.checkpoints
    secret = checkpoints.encryption_key
    return VersionedRedisSaver(
        source=parts.source,
        ttl_minutes=checkpoints.ttl_minutes,
        encryption_key=secret.get_secret_value() if secret else None,
    )
