"""Trains the injection model and measures it on sources it has not seen; run as `python -m twintrack.evals.train_injection FILE`."""

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from twintrack.guardrails.injection_model import WEIGHTS, reading
from twintrack.guardrails.ngrams import BITS, buckets

Row = dict[str, Any]
Floats = NDArray[np.float64]
Features = list[NDArray[np.int64]]

FALSE_ALARMS = 0.001
"""Share of harmless texts of unseen sources that the model alone may flag."""
_KEPT = 40_000
_EPOCHS, _BATCH, _RATE, _DECAY = 3, 256, 0.3, 1e-6
_SHARE_ALIKE = "BY-SA"


def family(row: Row) -> str:
    """Return the publisher of a row: sets of one publisher are left out together."""
    return str(row["source"]).split(":")[0].split("-questions")[0].split("-paragraphs")[0]


def weights_of(rows: Sequence[Row]) -> Floats:
    """Weigh rows so that a large source does not drown the small ones."""
    counts: dict[tuple[str, int], int] = {}
    for row in rows:
        counts[family(row), row["label"]] = counts.get((family(row), row["label"]), 0) + 1
    weights = np.array([1 / math.sqrt(counts[family(row), row["label"]]) for row in rows])
    return np.asarray(weights / weights.mean())


def train(features: Features, labels: Floats, weights: Floats, *, seed: int) -> tuple[Floats, float]:
    """Fit a logistic regression by AdaGrad; return the weight of each bucket and the bias."""
    random = np.random.default_rng(seed)
    model, squares = np.zeros(1 << BITS), np.full(1 << BITS, 1e-6)
    bias, bias_square = 0.0, 1e-6
    for _ in range(_EPOCHS):
        for batch in np.array_split(random.permutation(len(features)), max(1, len(features) // _BATCH)):
            sizes = np.array([len(features[row]) for row in batch])
            places = np.concatenate([features[row] for row in batch])
            shares = np.repeat(1 / np.sqrt(sizes), sizes)
            owner = np.repeat(np.arange(len(batch)), sizes)
            said = 1 / (1 + np.exp(-(np.bincount(owner, model[places] * shares, len(batch)) + bias)))
            error = (said - labels[batch]) * weights[batch] / len(batch)
            slope = np.bincount(places, np.repeat(error, sizes) * shares, 1 << BITS) + _DECAY * model
            squares += slope**2
            model -= _RATE * slope / np.sqrt(squares)
            bias_square += error.sum() ** 2
            bias -= _RATE * error.sum() / math.sqrt(bias_square)
    return model, bias


def scores(features: Features, model: Floats, bias: float) -> Floats:
    """Return the log-odds the model gives each text."""
    return np.array([model[each].sum() / math.sqrt(len(each)) for each in features]) + bias


@dataclass(frozen=True)
class Corpus:
    """The rows, what they are made of, and which of them may be learned from."""

    rows: list[Row]
    features: Features
    labels: Floats
    families: NDArray[np.str_]
    learnable: NDArray[np.bool_]
    """Of the training split, and under a licence that allows it."""

    def fit(self, chosen: NDArray[np.bool_], *, seed: int) -> tuple[Floats, float]:
        """Train on the learnable rows among `chosen`."""
        places = np.flatnonzero(chosen & self.learnable)
        rows = [self.rows[place] for place in places]
        return train([self.features[place] for place in places], self.labels[places], weights_of(rows), seed=seed)

    def score(self, chosen: NDArray[np.bool_], fitted: tuple[Floats, float]) -> Floats:
        """Return the log-odds of the rows among `chosen`."""
        return scores([self.features[place] for place in np.flatnonzero(chosen)], *fitted)


def read(data: bytes) -> Corpus:
    """Read rows with text, label, source, split and license."""
    rows: list[Row] = [json.loads(line) for line in data.splitlines()]
    return Corpus(
        rows,
        [buckets(reading(row["text"])) for row in rows],
        np.array([float(row["label"]) for row in rows]),
        np.array([family(row) for row in rows]),
        np.array([row["split"] == "train" and _SHARE_ALIKE not in row["license"] for row in rows]),
    )


def limit_for(corpus: Corpus, fitted: tuple[Floats, float]) -> float:
    """Return the log-odds that at most FALSE_ALARMS of the harmless texts not learned from reach."""
    return float(np.quantile(corpus.score((corpus.labels == 0) & ~corpus.learnable, fitted), 1 - FALSE_ALARMS)) + 1e-6


def unseen(corpus: Corpus, *, seed: int) -> dict[str, dict[str, float]]:
    """Return the share flagged by publisher, each judged by a model that saw no such text of that publisher."""
    figures: dict[str, dict[str, float]] = {"tpr_by_publisher": {}, "fpr_by_publisher": {}}
    for label, key in ((1, "tpr_by_publisher"), (0, "fpr_by_publisher")):
        for name in sorted(set(corpus.families[corpus.labels == label])):
            judged = (corpus.families == name) & (corpus.labels == label)
            fitted = corpus.fit(~judged, seed=seed)
            figures[key][name] = float(np.mean(corpus.score(judged, fitted) >= limit_for(corpus, fitted)))
    return figures


def pruned(model: Floats) -> NDArray[np.float16]:
    """Keep the heaviest buckets, in half precision."""
    limit = np.sort(np.abs(model))[-_KEPT]
    return np.where(np.abs(model) >= limit, model, 0).astype(np.float16)


def save(corpus: Corpus, origin: bytes, *, seed: int, target: Path = WEIGHTS) -> None:
    """Train on all learnable rows and write the weights that ship, with where they come from."""
    model, bias = corpus.fit(np.ones(len(corpus.rows), dtype=np.bool_), seed=seed)
    small = pruned(model)
    kept = np.flatnonzero(small)
    learned = [row for row, used in zip(corpus.rows, corpus.learnable, strict=True) if used]
    provenance = {
        "sources": sorted({f"{row['source']} ({row['license']})" for row in learned}),
        "rows": len(learned),
        "data_sha256": hashlib.sha256(origin).hexdigest(),
        "method": "logistic regression over hashed letter and word n-grams, AdaGrad",
        "seed": seed,
    }
    np.savez_compressed(
        target,
        places=np.diff(kept, prepend=0).astype(np.uint16),
        weights=small[kept],
        bias=np.float64(bias),
        limit=np.float64(limit_for(corpus, (small.astype(np.float64), bias))),
        provenance=np.array(json.dumps(provenance)),
    )


@click.command()
@click.argument("data", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--seed", default=7, show_default=True)
@click.option("--measure/--no-measure", default=True, help="Train once per publisher left out, and print the rates.")
@click.option("--write", is_flag=True, help="Write the weights that ship.")
def main(data: Path, seed: int, measure: bool, write: bool) -> None:
    """Measure on unseen publishers, then train on all rows that may be learned from."""
    origin = data.read_bytes()
    corpus = read(origin)
    if measure:
        click.echo(json.dumps(unseen(corpus, seed=seed), indent=1))
    if write:
        save(corpus, origin, seed=seed)


if __name__ == "__main__":
    main()
