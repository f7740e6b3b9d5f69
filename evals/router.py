"""Judges the router: does it order questions by their work, inside sources it never saw, and at what cost."""

import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twintrack.core.embeddings import Embedder
from twintrack.evals.escalation import Asked
from twintrack.evals.rows import Row, Tick, source_of
from twintrack.evals.train_router import (
    Floats,
    Learning,
    auroc_by_source,
    calibration,
    chance,
    chinese_shift,
    held_out_scores,
    learning,
    nested_scores,
    thresholds,
)
from twintrack.nodes.complexity import LearntRouter, Thresholds
from twintrack.nodes.route import Router

ENOUGH = 100
"""Rows of both labels from which a source counts in `worst` and `mean`."""
_TIMED = 500

Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Judged:
    """The figures, and where each question went, for the judgement of what escalation mends."""

    figures: Figures
    asked: list[Asked]


async def read(rows: Sequence[Row], embedder: Embedder, tick: Tick | None = None) -> Learning:
    """Return the rows as numbers."""
    vectors = []
    for number, row in enumerate(rows, start=1):
        vectors.append(await embedder.embed_one(row["text"]))
        if tick:
            tick(number, len(rows), row["text"])
    return learning(rows, np.array(vectors, np.float64))


async def judge_shipped(rows: Sequence[Row], found: Learning, shipped: LearntRouter) -> Judged:
    """Judge the router as the application runs it, without a small model."""
    router = Router(classifier=shipped.classifier, thresholds=shipped.thresholds)
    decisions = [await router.decide(row["text"], vector) for row, vector in zip(rows, found.vectors, strict=True)]
    pairs = zip(rows, found.vectors, strict=True)
    scores = np.array([shipped.classifier.score(row["text"], vector) for row, vector in pairs])
    to_team = np.array([decision["route"] == "team" for decision in decisions])
    unsure = np.array([decision["reason"].startswith("unsure") for decision in decisions])
    return _judged(rows, found, scores, to_team, unsure)


def judge_left_out(
    rows: Sequence[Row], found: Learning, without: Sequence[str] = (), *, shipped: Thresholds | None = None
) -> Judged:
    """Judge each source by weights, calibration and thresholds learnt from the others; with `shipped`, by that one."""
    scores = held_out_scores(found, without)
    to_team = np.zeros(len(rows), bool)
    unsure = np.zeros(len(rows), bool)
    for name in np.unique(found.source):
        here = found.source == name
        rest = ~here & ~np.isin(found.source, list(without))
        others = found.at(rest)
        slope, offset = calibration(scores[rest], others)
        kept = slope * scores[rest] + offset
        bounds = shipped or thresholds(chance(kept), others)
        shift = chinese_shift(kept, others, bounds) * found.chinese[here]
        chances = chance(slope * scores[here] + offset + shift)
        unsure[here] = np.abs(chances - bounds.threshold) <= bounds.margin
        to_team[here] = unsure[here] | (chances > bounds.threshold)
    return _judged(rows, found, scores, to_team, unsure)


def judge_nested(rows: Sequence[Row], found: Learning, without: Sequence[str] = ()) -> Figures:
    """Judge the order of each source where how freely is learnt was chosen on the other sources too."""
    scores, chosen = nested_scores(found, without)
    nowhere = np.zeros(len(rows), bool)
    figures = _judged(rows, found, scores, nowhere, nowhere).figures
    kept = ("auroc_by_source", "auroc_worst_source", "auroc_mean")
    return {
        **{name: figures[name] for name in kept},
        "chosen": {name: {"penalty": one.penalty, "meaning": one.meaning} for name, one in chosen.items()},
    }


def half(rows: Sequence[Row]) -> NDArray[np.bool_]:
    """Return one half of the rows; what was made of one question stays together."""
    groups = (str(row.get("group") or row["text"]) for row in rows)
    return np.array([zlib.crc32(group.encode()) % 2 == 0 for group in groups], bool)


def mean(by_source: Mapping[str, float]) -> float | None:
    """Return the mean over sources."""
    return round(float(np.mean(list(by_source.values()))), 4) if by_source else None


async def decision_ms(rows: Sequence[Row], shipped: LearntRouter, embedder: Embedder) -> Figures:
    """Time decisions on questions whose one embedding is there, as it is in a turn, and the embedding beside it."""
    router = Router(classifier=shipped.classifier, thresholds=shipped.thresholds)
    step = max(1, len(rows) // _TIMED)
    decided, embedded = [], []
    for row in rows[::step]:
        began = time.perf_counter()
        (vector,) = await embedder.embed([row["text"]])
        there = time.perf_counter()
        await router.decide(row["text"], vector)
        decided.append((time.perf_counter() - there) * 1000)
        embedded.append((there - began) * 1000)
    return {
        "p50": round(float(np.median(decided)), 3),
        "p99": round(float(np.quantile(decided, 0.99)), 3),
        "embedding_p50": round(float(np.median(embedded)), 3),
    }


def _judged(rows: Sequence[Row], found: Learning, scores: Floats, to_team: Any, unsure: Any) -> Judged:
    order = auroc_by_source(found, scores)
    right = to_team == (found.is_complex == 1)
    big = [value for name, value in order.items() if _rows_of(found, name) >= ENOUGH]
    figures: Figures = {
        "rows": len(rows),
        "auroc_by_source": order,
        "auroc_worst_source": min(big, default=None),
        "auroc_mean": round(float(np.mean(big)), 4) if big else None,
        "judged_sources": sorted(name for name in order if _rows_of(found, name) >= ENOUGH),
        "accuracy_by_source": _by_source(found, right),
        "to_team_by_source": _by_source(found, to_team),
        "unsure": round(float(unsure.mean()), 4),
    }
    asked = [
        Asked(row["text"], source_of(row), is_complex=bool(label), direct=not sent)
        for row, label, sent in zip(rows, found.is_complex, to_team, strict=True)
    ]
    return Judged(figures, asked)


def _rows_of(found: Learning, name: str) -> int:
    """Return how many rows a source has of the label it has fewer of."""
    labels = found.is_complex[found.source == name]
    return int(min(labels.sum(), (1 - labels).sum()))


def _by_source(found: Learning, values: Any) -> dict[str, float]:
    return {str(name): round(float(values[found.source == name].mean()), 4) for name in np.unique(found.source)}
