"""Tells how complex a question is, without a model: the router's own judgement."""

import math
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from twintrack.core.errors import SettingsError
from twintrack.core.tokens import is_chinese
from twintrack.core.tuning import FIX, Routing, Tuning
from twintrack.core.tuning import Meaning as MeaningPart
from twintrack.nodes.arithmetic import expressions_in
from twintrack.nodes.cues import CUES, cues

CALCULATION = 0.99


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Where the tracks part; learnt together with the weights, and kept in the same file."""

    threshold: float
    """Complexity from which a question goes to the team."""
    margin: float
    """Half-width of the band in which the small model is asked, and without one the team."""


@dataclass(frozen=True, slots=True, eq=False)
class Meaning:
    """How far a question's vector leans to the complex ones; it counts for the embedder it was learnt with alone."""

    embedder: str
    weights: NDArray[np.float64]
    bias: float

    def lean(self, vector: Any) -> float:
        """Return what the vector adds to the judgement; nothing where it is not such a vector."""
        if vector is None or len(vector) != len(self.weights):
            return 0.0
        return float(np.dot(self.weights, vector)) + self.bias

    def part(self) -> MeaningPart:
        """Return what a tuning file keeps of it."""
        weights = tuple(round(float(weight), 4) for weight in self.weights)
        return MeaningPart(embedder=self.embedder, bias=round(self.bias, 4), weights=weights)


@dataclass(frozen=True, slots=True, eq=False)
class Complexity:
    """A linear judgement over the cues of a question, and a little over its vector.

    The cues carry it: they tell the shape of a question. A vector tells its subject too, and so its share is
    small; the measurement is in docs/quality.md.
    """

    weights: tuple[float, ...]
    bias: float
    chinese: float = 0.0
    """Added for Chinese, which shows fewer of the cues."""
    meaning: Meaning | None = None

    def score(self, question: str, vector: Any = None) -> float:
        """Return the probability, 0 to 1, that `question` needs more than one look-up."""
        if expressions_in(question):
            return CALCULATION  # a calculation goes to the agent that computes, however short it is
        signs = zip(self.weights, cues(question), strict=True)
        total = self.bias + self.chinese * is_chinese(question) + sum(weight * cue for weight, cue in signs)
        total += self.meaning.lean(vector) if self.meaning else 0.0
        return 1 / (1 + math.exp(-max(-60.0, min(60.0, total))))


@dataclass(frozen=True, slots=True, eq=False)
class LearntRouter:
    """What `twintrack eval tune` learns and the application routes by."""

    classifier: Complexity
    thresholds: Thresholds

    @classmethod
    def of(cls, tuning: Tuning, *, embedder: str = "") -> Self:
        """Return the router that a tuning holds; the vector's part is left out for another embedder.

        Raises:
            SettingsError: it was learnt for other cues.
        """
        part = tuning.routing
        if part is None or set(part.weights) != set(CUES):
            raise SettingsError("The tuning's `routing` was learnt for other cues than this version's.", fix=FIX)
        weights = tuple(part.weights[name] for name in CUES)
        classifier = Complexity(weights, part.bias, part.chinese, _meaning(part.meaning, embedder))
        return cls(classifier, Thresholds(part.threshold, part.margin))

    def part(self) -> Routing:
        """Return what a tuning file keeps of it."""
        judge, meaning = self.classifier, self.classifier.meaning
        return Routing(
            weights={name: round(weight, 4) for name, weight in zip(CUES, judge.weights, strict=True)},
            bias=round(judge.bias, 4),
            chinese=round(judge.chinese, 4),
            threshold=self.thresholds.threshold,
            margin=self.thresholds.margin,
            meaning=None if meaning is None else meaning.part(),
        )


def _meaning(stored: MeaningPart | None, embedder: str) -> Meaning | None:
    if stored is None or stored.embedder != embedder:
        return None
    return Meaning(embedder, np.asarray(stored.weights, np.float64), stored.bias)
