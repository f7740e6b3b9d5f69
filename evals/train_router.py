"""Trains the router: weights over cues, a share for the vector, and the thresholds, judged on sources left out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twintrack.core.errors import DocumentError
from twintrack.core.tokens import is_chinese
from twintrack.evals.rows import Row, source_of
from twintrack.nodes.complexity import Complexity, LearntRouter, Meaning, Thresholds
from twintrack.nodes.cues import CUES, cues

Floats = NDArray[np.float64]
Names = NDArray[np.str_]

PARTS = 2.0
"""Added for a question of several parts: what `decompose` would split is the team's, whatever its length."""
ASKED = 0.15
"""Share of questions that may lie inside the margin, where a small model is asked."""


CHINESE = 0.13
"""Share of the simple Chinese questions that may go to the team."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How freely is learnt; chosen so that sources left out are ordered best."""

    penalty: float = 1000.0
    """On the cues' weights; lower ones fit the style of single sources."""
    meaning: float = 0.3
    """Standard deviations of the vector's part to one of the cues'."""


SHIPPED = Bounds()
GRID = tuple(Bounds(penalty, meaning) for penalty in (100.0, 300.0, 1000.0, 3000.0) for meaning in (0.0, 0.3, 0.7))


@dataclass(frozen=True, slots=True)
class Learning:
    """Labelled questions as numbers."""

    cues: Floats
    vectors: Floats
    """One row per question; of no columns where there is no embedder."""
    is_complex: Floats
    source: Names
    chinese: NDArray[np.bool_]

    def at(self, here: NDArray[np.bool_]) -> "Learning":
        """Return some of the questions."""
        return Learning(
            self.cues[here], self.vectors[here], self.is_complex[here], self.source[here], self.chinese[here]
        )


@dataclass(frozen=True, slots=True)
class Raw:
    """Weights as they were learnt, not yet calibrated."""

    weights: Floats
    bias: float
    lean: Floats
    lean_bias: float

    def scores(self, found: Learning) -> Floats:
        """Return the score of every question."""
        return np.asarray(found.cues @ self.weights + self.bias + found.vectors @ self.lean + self.lean_bias)


def learning(rows: Sequence[Row], vectors: Floats | None = None) -> Learning:
    """Return rows with text, label and source as numbers."""
    found = np.array([cues(row["text"]) for row in rows])
    is_complex = np.array([row["label"] == "complex" for row in rows], np.float64)
    empty = np.zeros((len(rows), 0)) if vectors is None else vectors
    source = np.array([source_of(row) for row in rows])
    return Learning(found, empty, is_complex, source, np.array([is_chinese(row["text"]) for row in rows], bool))


def train(found: Learning, embedder: str = "") -> LearntRouter:
    """Return calibrated weights and thresholds learnt from all rows."""
    held_out = held_out_scores(found)
    # Scores of sources the weights never saw say how sure they may be.
    slope, offset = calibration(held_out, found)
    raw = learn(found)
    bounds = thresholds(chance(slope * held_out + offset), found)
    shift = chinese_shift(slope * raw.scores(found) + offset, found, bounds)
    meaning = Meaning(embedder, slope * raw.lean, slope * raw.lean_bias) if found.vectors.shape[1] else None
    weights = tuple((slope * raw.weights).tolist())
    return LearntRouter(Complexity(weights, slope * raw.bias + offset, shift, meaning), bounds)


def chinese_shift(scores: Floats, found: Learning, bounds: Thresholds) -> float:
    """Return what to add for Chinese, so that `CHINESE` of its simple questions go to the team.

    Chinese shows fewer of the cues, and sets of complex Chinese questions that may be learnt from are rare.
    """
    simple = found.chinese & (found.is_complex == 0)
    if not simple.any():
        return 0.0
    low = bounds.threshold - bounds.margin
    return float(np.log(low / (1 - low))) - float(np.quantile(scores[simple], 1 - CHINESE))


def held_out_scores(found: Learning, without: Sequence[str] = (), bounds: Bounds = SHIPPED) -> Floats:
    """Score each source by weights learnt from the others; those `without` are only judged."""
    scores = np.zeros(len(found.is_complex))
    allowed = ~np.isin(found.source, list(without))
    for name in np.unique(found.source):
        here = found.source == name
        if not (~here & allowed).any():
            raise _one_source()
        scores[here] = learn(found.at(~here & allowed), bounds).scores(found.at(here))
    return scores


def nested_scores(found: Learning, without: Sequence[str] = ()) -> tuple[Floats, dict[str, Bounds]]:
    """Score each source by bounds and weights that were both chosen on the others alone; return the bounds too."""
    scores = np.zeros(len(found.is_complex))
    chosen: dict[str, Bounds] = {}
    for name in np.unique(found.source):
        here = found.source == name
        others = found.at(~here & ~np.isin(found.source, list(without)))
        chosen[str(name)] = max(GRID, key=lambda bounds, others=others: _order_left_out(others, bounds))  # type: ignore[misc]
        scores[here] = learn(others, chosen[str(name)]).scores(found.at(here))
    return scores, chosen


def _order_left_out(found: Learning, bounds: Bounds) -> float:
    return float(np.mean(list(auroc_by_source(found, held_out_scores(found, (), bounds)).values()) or [0.0]))


def learn(found: Learning, bounds: Bounds = SHIPPED) -> Raw:
    """Return weights over the cues, and beside them how a vector leans to the complex questions."""
    mean, spread = found.cues.mean(0), found.cues.std(0) + 1e-6
    counts = balance(found)
    learnt = fit((found.cues - mean) / spread, found.is_complex, counts, bounds.penalty)
    weights = learnt[:-1] / spread
    bias = float(learnt[-1] - weights @ mean)
    weights[list(CUES).index("parts")] += PARTS
    lean, lean_bias = _lean(found, counts, bounds.meaning * float((found.cues @ weights).std()))
    return Raw(weights, bias, lean, lean_bias)


def _lean(found: Learning, counts: Floats, spread: float) -> tuple[Floats, float]:
    """Return the direction from simple to complex vectors: two means alone, so that it cannot learn a subject well."""
    if not found.vectors.shape[1]:
        return np.zeros(0), 0.0
    deviation = found.vectors.std(0) + 1e-6
    centred = (found.vectors - found.vectors.mean(0)) / deviation
    lean = ((counts * (found.is_complex - 0.5)) @ centred) / deviation
    scores = found.vectors @ lean
    lean *= spread / max(1e-9, float(scores.std()))
    return lean, -float(np.average(found.vectors @ lean, weights=counts))


def calibration(held_out: Floats, found: Learning) -> tuple[float, float]:
    """Return slope and offset that turn scores into chances."""
    slope, offset = fit(held_out[:, None], found.is_complex, balance(found), 1e-3)
    return float(slope), float(offset)


def thresholds(chances: Floats, found: Learning) -> Thresholds:
    """Return the band that begins at the point with the fewest wrong tracks and holds `ASKED` of the questions.

    Without a small model the whole band goes to the team, so that the point is where the tracks part;
    a model is asked about those that would go to the team for little reason.
    """
    counts = balance(found)
    points = np.arange(0.3, 0.701, 0.01)
    wrong = [float(counts @ ((chances >= point) != (found.is_complex == 1))) for point in points]
    low = float(points[int(np.argmin(wrong))])
    above = np.argsort(chances)[np.sort(chances) >= low]
    inside = int(np.searchsorted(np.cumsum(counts[above]), ASKED * counts.sum()))
    high = float(chances[above][inside]) if inside < len(above) else 1.0
    return Thresholds(round((low + high) / 2, 3), round((high - low) / 2, 3))


def balance(found: Learning) -> Floats:
    """Weigh rows so that no source drowns the others, and both labels count the same."""
    is_complex, source = found.is_complex, found.source
    weights = np.zeros(len(is_complex))
    for name in np.unique(source):
        for label in (0, 1):
            here = (source == name) & (is_complex == label)
            weights[here] = 1 / np.sqrt(max(1, here.sum()))
    for label in (0, 1):
        here = is_complex == label
        weights[here] *= len(is_complex) / 2 / max(1e-9, float(weights[here].sum()))
    return weights


def fit(found: Floats, is_complex: Floats, weights: Floats, penalty: float) -> Floats:
    """Return logistic weights and, last, the bias, by Newton's method."""
    columns = np.c_[found, np.ones(len(found))]
    ridge = np.r_[np.full(found.shape[1], penalty), 1e-6]
    learnt = np.zeros(columns.shape[1])
    for _ in range(50):
        guess = chance(columns @ learnt)
        slope = columns.T @ (weights * (guess - is_complex)) + ridge * learnt
        bend = (columns * (weights * guess * (1 - guess) + 1e-9)[:, None]).T @ columns + np.diag(ridge)
        step = np.linalg.solve(bend, slope)
        learnt -= step
        if np.abs(step).max() < 1e-8:
            break
    return learnt


def auroc(is_complex: Floats, scores: Floats) -> float | None:
    """Return how often a complex question scores above a simple one; None where a label is missing."""
    _, place, count = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - (count - 1) / 2)[place]
    complex_count = is_complex.sum()
    simple_count = len(is_complex) - complex_count
    if not complex_count or not simple_count:
        return None
    above = ranks[is_complex == 1].sum() - complex_count * (complex_count + 1) / 2
    return float(above / (complex_count * simple_count))


def auroc_by_source(found: Learning, scores: Floats) -> dict[str, float]:
    """Judge the order inside each source that has both labels."""
    judged = {
        str(name): auroc(found.is_complex[found.source == name], scores[found.source == name])
        for name in np.unique(found.source)
    }
    return {name: round(value, 4) for name, value in judged.items() if value is not None}


def chance(scores: Floats) -> Floats:
    """Return logistic scores as probabilities."""
    return np.asarray(1 / (1 + np.exp(-np.clip(scores, -60, 60))))


def _one_source() -> DocumentError:
    return DocumentError(
        "The rows are of one source.", fix="bring rows of two sources or more, to learn from the others"
    )
