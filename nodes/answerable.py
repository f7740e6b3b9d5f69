"""Tells whether a quote can be the answer, without a model: the extractive answer's own judgement."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

from twintrack.core.errors import SettingsError
from twintrack.core.tuning import FIX, Tuning, Withhold, shipped_tuning
from twintrack.nodes.signs import SIGNS


@dataclass(frozen=True, slots=True)
class Answerable:
    """A linear judgement over the signs; each language has its own bias, since its words overlap differently."""

    weights: tuple[float, ...]
    english: float
    chinese: float
    near_across: float
    """Cosine from which a sentence in another language than the question's may be quoted: no word can be compared."""

    @classmethod
    def of(cls, tuning: Tuning) -> Self:
        """Return the judgement that a tuning holds.

        Raises:
            SettingsError: it was learnt for other signs.
        """
        part = tuning.withhold
        if part is None or set(part.weights) != set(SIGNS):
            raise SettingsError("The tuning's `withhold` was learnt for other signs than this version's.", fix=FIX)
        return cls(tuple(part.weights[name] for name in SIGNS), part.english, part.chinese, part.near_across)

    def part(self) -> Withhold:
        """Return what a tuning file keeps of it."""
        weights = {name: round(weight, 4) for name, weight in zip(SIGNS, self.weights, strict=True)}
        return Withhold(
            weights=weights,
            english=round(self.english, 4),
            chinese=round(self.chinese, 4),
            near_across=round(self.near_across, 4),
        )

    def bias(self, *, chinese: bool) -> float:
        """Return the bias of a language."""
        return self.chinese if chinese else self.english

    def score(self, signs: Sequence[float], *, chinese: bool) -> float:
        """Return 0 to 1; under a half the quote is withheld."""
        total = self.bias(chinese=chinese) + sum(
            weight * sign for weight, sign in zip(self.weights, signs, strict=True)
        )
        return 1 / (1 + math.exp(-max(-60.0, min(60.0, total))))


@lru_cache(maxsize=1)
def shipped() -> Answerable:
    """Return the judgement that comes with the package, read once."""
    return Answerable.of(shipped_tuning())
