"""Finds where a metric leaves what is usual for it: a change of level, or single values far out."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from twintrack.nodes.metrics import Series

FEWEST = 8
"""Points below which nothing is usual."""
FAR = 6.0
"""Robust standard scores from which a value, or a change of level, is out of the usual."""
_EDGE = 3
"""Points that a level needs on each side of its change."""
_EXPLAINED = 0.5
"""Share of all variation that a change of level must explain."""
_MAD = 1.4826
"""Makes a median deviation a standard one."""


@dataclass(frozen=True, slots=True)
class Anomaly:
    """One metric's departure from the usual."""

    name: str
    at: datetime
    """When it began."""
    usual: float
    value: float
    """The new level, or the value that is farthest out."""
    lasting: bool
    """Whether the level changed; else single values were far out."""
    score: float
    """How far it went, in robust standard deviations."""


def anomalies(series: Iterable[Series], most: int = 3) -> list[Anomaly]:
    """Return the strongest departures, the earliest first."""
    found = [one for each in series if len(each.values) >= FEWEST and (one := _change(each) or _outlier(each))]
    strongest = sorted(found, key=lambda one: -one.score)[:most]
    return sorted(strongest, key=lambda one: one.at)


def _change(series: Series) -> Anomaly | None:
    """Return the one change of level that explains most, where it explains enough."""
    values = np.asarray(series.values)
    total = _spread(values)
    places = range(_EDGE, len(values) - _EDGE + 1)
    left = [_spread(values[:place]) + _spread(values[place:]) for place in places]
    place = _EDGE + int(np.argmin(left))
    if total == 0 or 1 - min(left) / total < _EXPLAINED:
        return None
    before, after = values[:place], values[place:]
    usual, level = float(np.median(before)), float(np.median(after))
    score = abs(level - usual) / _scale(before)
    return Anomaly(series.name, series.times[place], usual, level, True, score) if score >= FAR else None


def _outlier(series: Series) -> Anomaly | None:
    values = np.asarray(series.values)
    usual = float(np.median(values))
    scores = np.abs(values - usual) / _scale(values)
    if scores.max() < FAR:
        return None
    first, farthest = int(np.argmax(scores >= FAR)), int(np.argmax(scores))
    return Anomaly(series.name, series.times[first], usual, float(values[farthest]), False, float(scores.max()))


def _spread(values: Any) -> float:
    return float(((values - values.mean()) ** 2).sum())


def _scale(values: Any) -> float:
    """Return how much the values usually differ; one in a hundred of their size counts as no difference."""
    usual = np.median(values)
    deviation = float(np.median(np.abs(values - usual))) * _MAD
    return max(deviation, abs(float(usual)) * 0.01, 1e-9)
