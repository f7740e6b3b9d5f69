"""Makes scores of different kinds comparable, so that they can be added."""

import numpy as np
from numpy.typing import NDArray


def standard(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return scores as distances from their mean, in standard deviations; 0 where they are all the same."""
    spread = float(scores.std()) if scores.size else 0.0
    return (scores - scores.mean()) / spread if spread > 1e-9 else np.zeros_like(scores)
