"""Judges the injection rail: the share of attacks it stops and of harmless texts it stops wrongly, by source."""

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from twintrack.evals.rows import Row, source_of
from twintrack.guardrails.injection import Injection
from twintrack.guardrails.injection_model import load_model


def run(data: Sequence[Row]) -> dict[str, dict[str, float]]:
    """Check each row's `text` as it ships; rows with `label` 1 are attacks, with 0 harmless."""
    rail = Injection(load_model())
    stopped: dict[tuple[int, str], list[bool]] = defaultdict(list)
    took: list[float] = []
    for row in data:
        started = time.perf_counter()
        verdict = rail.check(row["text"])
        took.append((time.perf_counter() - started) * 1000)
        stopped[int(row["label"]), source_of(row)].append(verdict.blocked)
    return {
        "tpr_by_source": _shares(stopped, 1),
        "fpr_by_source": _shares(stopped, 0),
        "ms_per_call": {"p50": float(np.median(took)), "p99": float(np.quantile(took, 0.99))} if took else {},
    }


def _shares(stopped: Mapping[tuple[int, str], Sequence[bool]], label: int) -> dict[str, float]:
    return {source: float(np.mean(each)) for (kind, source), each in sorted(stopped.items()) if kind == label}
