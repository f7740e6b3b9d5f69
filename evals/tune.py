"""Chooses the parts of a tuning, each on some of the rows, and judges them on the others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np

from twintrack.core.context import Identity
from twintrack.core.embeddings import Embedder
from twintrack.core.settings import RetrievalSettings
from twintrack.core.tuning import Tuning
from twintrack.evals import router, train_answerable, tune_evidence, weigh
from twintrack.evals.cache import Material
from twintrack.evals.rows import Row
from twintrack.evals.train_answerable import Sample
from twintrack.evals.train_router import Learning, train
from twintrack.evals.tuned import Change
from twintrack.nodes.answerable import Answerable
from twintrack.nodes.complexity import LearntRouter

WHO = Identity("eval")


@dataclass(frozen=True, slots=True)
class Part:
    """What was chosen for one part of the file."""

    name: str
    values: Mapping[str, Any]
    changes: Sequence[Change]
    judged: Any = field(default_factory=dict)
    """Further figures, for the file's account of where it comes from."""


def with_parts(tuning: Tuning, parts: Sequence[Part], command: str) -> Tuning:
    """Return the tuning with the parts in it, and where each comes from."""
    made = {"command": command, "date": datetime.now(UTC).date().isoformat()}
    for part in parts:
        provenance = {**tuning.provenance, part.name: {**made, "judged": _brief(part.judged)}}
        tuning = tuning.model_copy(update={**part.values, "provenance": provenance})
    return tuning


def _brief(judged: Any) -> Any:
    """Return figures without what other thresholds would do."""
    return (
        {name: _brief(one) for name, one in judged.items() if name != "curve"} if isinstance(judged, dict) else judged
    )


async def vector_weight(
    name: str, open_corpus: weigh.Open, settings: RetrievalSettings, embedder: Embedder, rows: Sequence[Row]
) -> Change:
    """Choose how much meaning counts beside words in one corpus."""
    figures = await weigh.run(open_corpus, settings, embedder, rows, identity=WHO)
    weight, held = figures["vector_weight"], figures["held_out"]
    before, after = held["before"]["mrr"], held["after"]["mrr"]
    return Change(f"vector_weights.{name}", weight["before"], weight["after"], "MRR", before, after)


def vector_weights(known: Mapping[str, float], changes: Sequence[Change]) -> Part:
    """Return the weights of all corpora that were weighed, beside those that are known."""
    chosen = {change.value.partition(".")[2]: change.after for change in changes}
    return Part("vector_weights", {"vector_weights": {**known, **chosen}}, changes)


def withhold(found: Sequence[Sample], across: Sequence[float], used: Answerable) -> Part:
    """Learn when a quote is withheld."""
    moved = tune_evidence.near_across(across, used.near_across)
    learnt, judged = train_answerable.learn(found, moved[0].after if moved else used.near_across)
    before = train_answerable.judge(found, used)
    changes = [change for name in judged for change in _withheld(name, used, learnt, before[name], judged[name])]
    return Part("withhold", {"withhold": learnt.part()}, [*changes, *moved], judged)


def _withheld(
    language: str, used: Answerable, learnt: Answerable, before: Mapping[str, Any], after: Mapping[str, Any]
) -> list[Change]:
    was, now = (round(one.bias(chinese=language == "chinese"), 4) for one in (used, learnt))
    return [
        Change(f"withhold.{language}", was, now, f"{kind}: {figure}", before[kind][figure], after[kind][figure])
        for kind in ("near miss", "elsewhere")
        if kind in after
        for figure in ("withheld", "lost", "abstention_f1")
    ]


def weak_evidence(found: Sequence[Sample], before: float) -> Part:
    """Choose the evidence below which the direct track sends a question on."""
    changes = tune_evidence.weak_evidence(found, before)
    return Part("weak_evidence", {"weak_evidence": changes[0].after} if changes else {}, changes)


def cache_threshold(material: Material, before: float) -> Part:
    """Choose the nearness from which another wording may be the same question."""
    after = material.chosen()
    old, new = material.rates(before), material.rates(after)
    changes = [Change("cache_threshold", before, after, figure, old[figure], new[figure]) for figure in new]
    return Part("cache_threshold", {"cache_threshold": after}, changes)


async def routing(
    rows: Sequence[Row], found: Learning, used: LearntRouter, *, without: Sequence[str], embedder: str
) -> Part:
    """Learn the router from all sources but those `without`; it is judged by what one half teaches about the other."""
    half = router.half(rows)
    allowed = ~np.isin(found.source, list(without))
    other = [row for row, here in zip(rows, half, strict=True) if not here]
    old = (await router.judge_shipped(other, found.at(~half), used)).figures
    new = (await router.judge_shipped(other, found.at(~half), train(found.at(half & allowed), embedder))).figures
    learnt = train(found.at(allowed), embedder)
    was, now = used.thresholds.threshold, learnt.thresholds.threshold
    changes = [
        Change("routing.threshold", was, now, name, router.mean(old[key]), router.mean(new[key]))
        for name, key in _ROUTED.items()
    ]
    return Part("routing", {"routing": learnt.part()}, changes, {"rows": _counts(found.at(allowed))})


_ROUTED = {
    "AUROC inside a source, mean": "auroc_by_source",
    "right track, mean over sources": "accuracy_by_source",
}


def _counts(found: Learning) -> dict[str, int]:
    return {str(name): int(count) for name, count in zip(*np.unique(found.source, return_counts=True), strict=True)}
