"""Makes scores of different kinds comparable, so that they can be added."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def standard(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return scores as distances from their mean, in standard deviations; 0 where they are all the same."""
    spread = float(scores.std()) if scores.size else 0.0
    return (scores - scores.mean()) / spread if spread > 1e-9 else np.zeros_like(scores)


def standard_each(scores: Sequence[float]) -> list[float]:
    """Return what `standard` does, for so few scores that making an array of them takes longer."""
    if not scores:
        return []
    mean = sum(scores) / len(scores)
    beyond = [score - mean for score in scores]
    spread = (sum([each * each for each in beyond]) / len(scores)) ** 0.5
    return [each / spread for each in beyond] if spread > 1e-9 else [0.0] * len(scores)
