"""Chooses the concrete parts of one process; making them does no I/O."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twintrack.app.answer_reuse import answer_reuse, task_results
from twintrack.core.audit import RedisAudit
from twintrack.core.corpus import Corpus
from twintrack.core.embeddings import open_embedder
from twintrack.core.kept_secret import KeptSecret
from twintrack.core.masked_log import mask_log
from twintrack.core.models import Models
from twintrack.core.rates import SharedRates
from twintrack.core.redis_client import RedisSource
from twintrack.core.run_spend import RunSpend
from twintrack.core.settings import BudgetSettings, RouterSettings, Settings, TeamSettings
from twintrack.core.shared_spend import Ceiling, SharedSpend
from twintrack.core.tracing import Tracer
from twintrack.core.tuning import used_tuning
from twintrack.core.waiting import RedisWaiting
from twintrack.graphs.resources import Resources
from twintrack.guardrails.approvals import Approvals
from twintrack.guardrails.meters import Meters
from twintrack.guardrails.names import scrubber
from twintrack.guardrails.pii import Masker, scrub
from twintrack.guardrails.policy import default_policy, masker_for
from twintrack.guardrails.tool_audit import ToolAudit
from twintrack.memory.checkpoints import VersionedRedisSaver
from twintrack.memory.ledger import SideEffects
from twintrack.memory.tiers import Memory
from twintrack.memory.vault import Vault
from twintrack.nodes.answerable import Answerable
from twintrack.nodes.ask_first import Asking
from twintrack.nodes.calculate import Sandbox
from twintrack.nodes.complexity import LearntRouter, Thresholds
from twintrack.nodes.logs import readable
from twintrack.nodes.tables import Tables

_SCOPES = ("user", "tenant")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything one process holds open; making it does no I/O, but for reading the tables, and opening the logs, that the settings name."""

    settings: Settings
    source: RedisSource
    resources: Resources
    meters: Meters
    tracer: Tracer
    masker: Masker
    vault: Vault
    saver: VersionedRedisSaver
    audit: RedisAudit
    waiting: RedisWaiting

    async def aclose(self) -> None:
        """Close what was opened, the trace queue last."""
        await self.audit.aclose()
        await self.resources.sandbox.aclose()
        if self.resources.tables is not None:
            self.resources.tables.close()
        await self.tracer.aclose()
        await self.source.aclose()


def make_parts(settings: Settings, **overrides: Any) -> Parts:
    """Choose every part, and mask the log; a keyword named like a field of `Resources` replaces that part."""
    mask_log(scrub)
    source = RedisSource(settings.redis)
    embedder = overrides.pop("embedder", None) or open_embedder(settings.models)
    secret = _mask_secret(settings)
    masker = masker_for(settings.rails, secret)
    vault = Vault(source, secret, ttl_days=settings.memory.episode_days)
    saver = _saver(settings, source)
    tuning = used_tuning(settings.tuning.file)
    router = LearntRouter.of(tuning, embedder=embedder.name)
    models = Models(settings.models, overrides.pop("models", None), overrides.pop("breakers", None))
    audit, waiting = RedisAudit(source, settings.audit), RedisWaiting(source)
    resources = Resources(
        embedder=embedder,
        corpus=Corpus(source, embedder, settings.retrieval),
        memory=Memory(source, embedder, settings.memory, writer=lambda: models.chat("answerer")),
        models=models,
        policy=default_policy(settings, masker=masker),
        answerable=Answerable.of(tuning),
        classifier=router.classifier,
        thresholds=_thresholds(settings.router, router.thresholds),
        sandbox=Sandbox(
            seconds=settings.team.calculator_seconds, memory_bytes=settings.team.calculator_memory_mb * 2**20
        ),
        router=settings.router,
        budgets=settings.budgets,
        team=settings.team,
        rates=SharedRates(source),
        tables=_tables(settings.team) if settings.team.tables else None,
        logs=readable(settings.team.logs),
        keeper=settings.team.keeper,
        approve=frozenset(settings.team.approve),
        overhead_warns_at=settings.team.overhead_warns_at,
        ledger=SideEffects(saver, vault, lambda text: masker.mask(text).text),
        asking=Asking(
            Approvals(
                timeout_s=settings.approvals.timeout_seconds, default=settings.approvals.default, waiting=waiting
            ),
            ToolAudit(audit, lambda text: masker.mask(text).text),
        ),
    )
    resources = dataclasses.replace(resources, **overrides)
    if resources.reuse is None:
        resources = dataclasses.replace(resources, reuse=answer_reuse(settings, source, resources))
    if resources.results is None:
        resources = dataclasses.replace(resources, results=task_results(settings, source, resources))
    return Parts(
        settings=settings,
        source=source,
        resources=resources,
        meters=_meters(settings.budgets, source),
        tracer=Tracer(settings.tracing, source=source, mask=scrubber(names=settings.tracing.mask_names)),
        masker=masker,
        vault=vault,
        saver=saver,
        audit=audit,
        waiting=waiting,
    )


def _tables(team: TeamSettings) -> Tables:
    return Tables(team.tables, seconds=team.tables_seconds, memory_mb=team.tables_memory_mb)


def _meters(budgets: BudgetSettings, source: RedisSource) -> Meters:
    return Meters(budgets, _shared_spend(budgets, source), RunSpend(source, days=budgets.account_days))


def _shared_spend(budgets: BudgetSettings, source: RedisSource) -> SharedSpend | None:
    """Return what counts users and tenants; None, and no round trip, where nothing limits them."""
    names = ("model_calls", "tool_calls", "tokens", "cost")
    user, tenant = (Ceiling(**{name: getattr(budgets, f"{scope}_{name}") for name in names}) for scope in _SCOPES)
    return SharedSpend(source, user=user, tenant=tenant, window_s=budgets.window_s) if user or tenant else None


def _thresholds(chosen: RouterSettings, learnt: Thresholds) -> Thresholds:
    """Return the learnt thresholds, but for those that a setting names."""
    return Thresholds(
        learnt.threshold if chosen.threshold is None else chosen.threshold,
        learnt.margin if chosen.margin is None else chosen.margin,
    )


def _mask_secret(settings: Settings) -> Callable[[], bytes]:
    given = settings.rails.mask_key
    return given.get_secret_value().encode if given else KeptSecret(settings.redis.data_dir / "mask.key")


def versioned_saver(parts: Parts) -> VersionedRedisSaver:
    """Return the saver on this process's Redis."""
    return parts.saver


def _saver(settings: Settings, source: RedisSource) -> VersionedRedisSaver:
    secret = settings.checkpoints.encryption_key
    return VersionedRedisSaver(
        source=source,
        single_writer=True,
        ttl_minutes=settings.checkpoints.ttl_minutes,
        encryption_key=secret.get_secret_value() if secret else None,
    )
