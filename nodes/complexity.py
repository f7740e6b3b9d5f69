"""Tells how complex a question is, without a model: the router's own judgement."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from twintrack.nodes.arithmetic import expressions_in
from twintrack.nodes.cues import CUES, cues

WEIGHTS = Path(__file__).with_name("router.json")
CALCULATION = 0.99


@dataclass(frozen=True, slots=True)
class Complexity:
    """A linear judgement over the cues of a question.

    The question's vector has no weight: in sources held out of the training it made the order of questions
    worse (the measurement is in `evals/train_router.py`), because it learns subjects rather than shape.
    """

    weights: tuple[float, ...]
    bias: float

    @classmethod
    def shipped(cls) -> Self:
        """Read the weights that come with the package."""
        stored = json.loads(WEIGHTS.read_text(encoding="utf-8"))
        return cls(tuple(stored["weights"][name] for name in CUES), stored["bias"])

    def score(self, question: str, vector: Any = None) -> float:  # noqa: ARG002 - other classifiers read the vector
        """Return the probability, 0 to 1, that `question` needs more than one look-up."""
        if expressions_in(question):
            return CALCULATION  # a calculation goes to the agent that computes, however short it is
        signs = zip(self.weights, cues(question), strict=True)
        return 1 / (1 + math.exp(-(self.bias + sum(weight * cue for weight, cue in signs))))
