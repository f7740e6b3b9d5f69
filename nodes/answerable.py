"""Tells whether a quote can be the answer, without a model: the extractive answer's own judgement."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

from twintrack.nodes.signs import SIGNS

WEIGHTS = Path(__file__).with_name("answerable.json")


@dataclass(frozen=True, slots=True)
class Answerable:
    """A linear judgement over the signs; each language has its own bias, since its words overlap differently."""

    weights: tuple[float, ...]
    english: float
    chinese: float

    @classmethod
    def read(cls, path: Path = WEIGHTS) -> Self:
        """Read weights; those that come with the package unless another file is named."""
        stored: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        weights = tuple(stored["weights"][name] for name in SIGNS)
        return cls(weights, stored["bias"]["english"], stored["bias"]["chinese"])

    def score(self, signs: Sequence[float], *, chinese: bool) -> float:
        """Return 0 to 1; under a half the quote is withheld."""
        bias = self.chinese if chinese else self.english
        total = bias + sum(weight * sign for weight, sign in zip(self.weights, signs, strict=True))
        return 1 / (1 + math.exp(-max(-60.0, min(60.0, total))))


@lru_cache(maxsize=1)
def shipped() -> Answerable:
    """Return the judgement that comes with the package, read once."""
    return Answerable.read()
