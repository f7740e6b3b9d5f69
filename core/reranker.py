"""Reorders what a search found by its best part: a passage answers in a sentence or two, not on average."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from twintrack.core.query_words import STOP_WORDS
from twintrack.core.settings import RetrievalSettings
from twintrack.core.standard_score import standard
from twintrack.core.tokens import stem, words

WINDOW_CHARS = 240
"""Length of the parts of a passage that are compared with the question."""
_STEPS = 127
_SCALE = 4


class Candidate(NamedTuple):
    """One passage to be placed."""

    score: float
    """Score of the search, a standard score."""
    text: str
    words: str
    """Stems of its title and text, in order."""
    windows: bytes | None
    """Vectors of its parts, as `packed` gave them; nothing where none were stored."""


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
        near = standard(_nearest(candidates, vector))
        held = standard(_pairs_held(candidates, _pairs(question)))
        parts = zip(candidates, near, held, strict=True)
        return [one.score + self.window_weight * close + self.phrase_weight * said for one, close, said in parts]


def packed(windows: NDArray[np.float32]) -> bytes:
    """Return vectors as small whole numbers behind their common scale, in about a quarter of their size."""
    scale = np.float32(np.abs(windows).max(initial=1e-9) / _STEPS)
    return scale.tobytes() + np.round(windows / scale).astype(np.int8).tobytes()


def likeness(stored: Sequence[bytes | None], vector: NDArray[np.float32]) -> list[list[float]]:
    """Return the products of a vector with those that were packed, for each passage; none where none were stored."""
    sizes = [max(len(one or b"") - _SCALE, 0) // len(vector) for one in stored]
    scales = np.frombuffer(b"".join([one[:_SCALE] for one in stored if one]), np.float32)
    # All at once: thirty passages have few parts each, and each call of numpy costs as much as those parts.
    steps = np.frombuffer(b"".join([one[_SCALE:] for one in stored if one]), np.int8).reshape(-1, len(vector))
    scale = np.repeat(scales, [size for one, size in zip(stored, sizes, strict=True) if one])
    products = iter(((steps.astype(np.float32) @ vector) * scale).tolist())
    return [list(islice(products, size)) for size in sizes]


def _nearest(candidates: Sequence[Candidate], vector: NDArray[np.float32]) -> list[float]:
    """Return how near each one's nearest part is; 0 where it has none."""
    return [max([0.0, *parts]) for parts in likeness([one.windows for one in candidates], vector)]


def _pairs_held(candidates: Sequence[Candidate], pairs: Sequence[str]) -> list[float]:
    """Return how many of the pairs each one holds."""
    # Asked so that the loop over the pairs is none of Python's.
    return [sum(map(f" {one.words} ".__contains__, pairs)) for one in candidates]


def _pairs(question: str) -> list[str]:
    """Return the question's neighbouring words, but for pairs of stop words."""
    said = words(question)
    pairs = pairwise(said)
    return list(dict.fromkeys(f" {stem(a)} {stem(b)} " for a, b in pairs if not {a, b} <= STOP_WORDS))
