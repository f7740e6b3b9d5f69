"""A small linear model that judges how much a text reads like an attack; its weights ship with it."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from twintrack.guardrails.ngrams import BITS, buckets
from twintrack.guardrails.plain import deciphered, folded

WEIGHTS = Path(__file__).with_name("injection_weights.npz")
"""Written by `twintrack.evals.train_injection`; `provenance` inside names the data."""


def reading(text: str) -> str:
    """Return the reading of `text` that the model was trained on."""
    return deciphered(folded(text))


@dataclass(frozen=True, slots=True)
class InjectionModel:
    """Weights of hashed letter and word sequences, and the limit from which a text counts as an attack."""

    weights: NDArray[np.float32]
    bias: float
    limit: float
    """Log-odds that hardly any harmless text reached that the model had not learned from."""

    def judge(self, text: str) -> tuple[bool, float]:
        """Tell whether `text` passes the limit, and the probability that it is an attack."""
        places = buckets(reading(text))
        odds = float(self.weights[places].sum()) / math.sqrt(len(places) or 1) + self.bias
        return odds >= self.limit, 1 / (1 + math.exp(-odds))


def load_model(path: Path = WEIGHTS) -> InjectionModel:
    """Read the weights; this reads a file, so do it where the application is assembled."""
    with np.load(path, allow_pickle=False) as stored:
        weights = np.zeros(1 << BITS, dtype=np.float32)
        weights[np.cumsum(stored["places"].astype(np.int64))] = stored["weights"]
        return InjectionModel(weights, float(stored["bias"]), float(stored["limit"]))
