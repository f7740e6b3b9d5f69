"""Makes scores of different kinds comparable, so that they can be added."""

from collections.abc import Sequence


def standard(scores: Sequence[float]) -> list[float]:
    """Return scores as distances from their mean, in standard deviations; 0 where they are all the same.

    A search has at most a hundred: making an array of them takes longer.
    """
    if not scores:
        return []
    mean = sum(scores) / len(scores)
    beyond = [score - mean for score in scores]
    spread = (sum([each * each for each in beyond]) / len(scores)) ** 0.5
    return [each / spread for each in beyond] if spread > 1e-9 else [0.0] * len(scores)
