"""Trains the router's weights and judges them on sources left out; run as `python -m twintrack.evals.train_router FILE`."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from twintrack.nodes.complexity import WEIGHTS, Complexity
from twintrack.nodes.cues import CUES, cues

Row = dict[str, Any]
Floats = NDArray[np.float64]

PENALTY = 1000.0
"""Chosen so that sources left out are ordered best; lower ones fit the style of single sources."""
PARTS = 2.0
"""Added for a question of several parts: what `decompose` would split is the team's, whatever its length."""


def features(rows: Sequence[Row]) -> Floats:
    """Return the cues of every row."""
    return np.array([cues(row["text"]) for row in rows])


def labels(rows: Sequence[Row]) -> Floats:
    """Return 1 for complex, 0 for simple."""
    return np.array([row["label"] == "complex" for row in rows], np.float64)


def sources(rows: Sequence[Row]) -> NDArray[np.str_]:
    """Return the source of every row."""
    return np.array([row["source"] for row in rows])


def train(found: Floats, is_complex: Floats, source: NDArray[np.str_]) -> Complexity:
    """Return calibrated weights learnt from all rows."""
    held_out = held_out_scores(found, is_complex, source)
    # Scores of sources the weights never saw say how sure they may be.
    slope, offset = fit(held_out[:, None], is_complex, balance(is_complex, source), 1e-3)
    weights, bias = _raw(found, is_complex, source)
    return Complexity(tuple((slope * weights).tolist()), float(slope * bias + offset))


def held_out_scores(found: Floats, is_complex: Floats, source: NDArray[np.str_]) -> Floats:
    """Score each source by weights learnt from the others."""
    scores = np.zeros(len(is_complex))
    for name in np.unique(source):
        here = source == name
        weights, bias = _raw(found[~here], is_complex[~here], source[~here])
        scores[here] = found[here] @ weights + bias
    return scores


def _raw(found: Floats, is_complex: Floats, source: NDArray[np.str_]) -> tuple[Floats, float]:
    mean, spread = found.mean(0), found.std(0) + 1e-6
    learnt = fit((found - mean) / spread, is_complex, balance(is_complex, source), PENALTY)
    weights = learnt[:-1] / spread
    bias = float(learnt[-1] - weights @ mean)
    weights[list(CUES).index("parts")] += PARTS
    return weights, bias


def balance(is_complex: Floats, source: NDArray[np.str_]) -> Floats:
    """Weigh rows so that no source drowns the others, and both labels count the same."""
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
        chance = 1 / (1 + np.exp(-columns @ learnt))
        slope = columns.T @ (weights * (chance - is_complex)) + ridge * learnt
        bend = (columns * (weights * chance * (1 - chance) + 1e-9)[:, None]).T @ columns + np.diag(ridge)
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


def auroc_by_source(is_complex: Floats, scores: Floats, source: NDArray[np.str_]) -> dict[str, float]:
    """Judge the order inside each source that has both labels."""
    judged = {str(name): auroc(is_complex[source == name], scores[source == name]) for name in np.unique(source)}
    return {name: round(value, 4) for name, value in judged.items() if value is not None}


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), default=WEIGHTS, show_default=False, help="Where weights go.")
def main(file: Path, out: Path) -> None:
    """Learn from FILE, JSON lines with text, label (simple or complex) and source."""
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    found, is_complex, source = features(rows), labels(rows), sources(rows)
    trained = train(found, is_complex, source)
    left_out = auroc_by_source(is_complex, held_out_scores(found, is_complex, source), source)
    out.write_text(json.dumps(_stored(trained, rows, file, left_out), indent=1) + "\n", encoding="utf-8")
    click.echo(f"AUROC of sources left out: {left_out}, worst {min(left_out.values()):.3f}")


def _stored(trained: Complexity, rows: Sequence[Row], file: Path, left_out: dict[str, float]) -> dict[str, Any]:
    counts = {str(name): int(count) for name, count in zip(*np.unique(sources(rows), return_counts=True), strict=True)}
    return {
        "weights": {name: round(weight, 4) for name, weight in zip(CUES, trained.weights, strict=True)},
        "bias": round(trained.bias, 4),
        "provenance": {
            "command": f"python -m twintrack.evals.train_router {file.name}",
            "date": datetime.now(UTC).date().isoformat(),
            "rows": counts,
            "auroc_left_out": left_out,
        },
    }


if __name__ == "__main__":
    main()
