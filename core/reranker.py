"""Reorders what a search found by its best part: a passage answers in a sentence or two, not on average."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from twintrack.core.query_words import STOP_WORDS
from twintrack.core.settings import RetrievalSettings
from twintrack.core.standard_score import standard
from twintrack.core.tokens import stem, words

WINDOW_CHARS = 240
"""Length of the parts of a passage that are compared with the question."""
_STEPS = 127


@dataclass(frozen=True, slots=True)
class Candidate:
    """One passage to be placed."""

    score: float
    """Score of the search, a standard score."""
    text: str
    words: str
    """Stems of its title and text, in order."""
    windows: NDArray[np.float32]
    """Vectors of its parts, one row each."""


class Reranker(Protocol):
    """Gives each candidate the score by which it is ordered."""

    async def scores(self, question: str, vector: NDArray[np.float32], candidates: Sequence[Candidate]) -> list[float]:
        """Return one score per candidate; higher is better."""
        ...


@dataclass(frozen=True, slots=True)
class BestPart:
    """Adds to the search's score how near a passage's nearest part is, and how many of the question's pairs it holds."""

    window_weight: float = 0.4
    phrase_weight: float = 0.2
    long_text_chars: int = 400
    """Characters from which a question is about too many things for one part to answer."""

    @classmethod
    def of(cls, settings: RetrievalSettings) -> Self:
        """Return the reranker with the weights that the settings name."""
        return cls(settings.window_weight, settings.phrase_weight, settings.long_text_chars)

    async def scores(self, question: str, vector: NDArray[np.float32], candidates: Sequence[Candidate]) -> list[float]:
        """Return the sum of the three; the search's score alone where the question is a long text."""
        if len(question) > self.long_text_chars:
            return [one.score for one in candidates]
        base = np.array([one.score for one in candidates], np.float64)
        nearest = np.array([float((one.windows @ vector).max(initial=0.0)) for one in candidates])
        pairs = _pairs(question)
        held = np.array([sum(pair in f" {one.words} " for pair in pairs) for one in candidates], np.float64)
        mixed = base + self.window_weight * standard(nearest) + self.phrase_weight * standard(held)
        return [float(score) for score in mixed]


def packed(windows: NDArray[np.float32]) -> bytes:
    """Return vectors as small whole numbers behind their common scale, in about a quarter of their size."""
    scale = np.float32(np.abs(windows).max(initial=1e-9) / _STEPS)
    return scale.tobytes() + np.round(windows / scale).astype(np.int8).tobytes()


def unpacked(stored: bytes | None, dims: int) -> NDArray[np.float32]:
    """Return the vectors that were packed; none where none were stored."""
    if not stored:
        return np.zeros((0, dims), np.float32)
    scale = np.frombuffer(stored, np.float32, 1)
    return np.frombuffer(stored, np.int8, offset=scale.nbytes).reshape(-1, dims).astype(np.float32) * scale


def _pairs(question: str) -> list[str]:
    """Return the question's neighbouring words, but for pairs of stop words."""
    said = words(question)
    pairs = pairwise(said)
    return list(dict.fromkeys(f" {stem(a)} {stem(b)} " for a, b in pairs if not {a, b} <= STOP_WORDS))
