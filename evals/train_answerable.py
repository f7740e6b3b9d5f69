"""Learns when an extractive answer must be withheld, and judges that on articles left out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from twintrack.core.context import Identity
from twintrack.core.embeddings import Embedder
from twintrack.core.passages import Passage
from twintrack.core.tokens import is_chinese
from twintrack.evals.answer_scores import class_f1, holds
from twintrack.evals.rows import Row, Tick, gold_answers, gold_documents, is_unanswerable, question_of
from twintrack.evals.train_router import auroc, fit
from twintrack.nodes.answerable import Answerable
from twintrack.nodes.extract import evidence, rank
from twintrack.nodes.signs import signs

Floats = NDArray[np.float64]
PENALTY = 10.0
FOLDS = 6
FOUND = 8
"""Passages an answer is written from."""
MORE = 60
"""Passages searched, so that enough are left when an article is taken away."""
LOST = {"english": 0.08, "chinese": 0.03}
"""Share of the answerable questions that may be withheld, in articles the weights never saw."""


class Search(Protocol):
    """Finds passages."""

    async def search(
        self, question: str, vector: Any, *, identity: Identity, limit: int | None = None
    ) -> list[Passage]:
        """Return the passages that fit the question."""
        ...


@dataclass(frozen=True, slots=True)
class Sample:
    """A question with the passages it was asked against."""

    signs: list[float]
    article: str
    kind: str
    """`answerable`; `near miss`, as people wrote them; or `elsewhere`, where its article was taken away."""
    chinese: bool
    right: bool
    """Whether the best sentence holds a gold answer."""
    evidence: float
    """How well the passages cover the question."""


class Remembering:
    """Embeds each sentence once: many questions are compared with the same ones."""

    def __init__(self, embedder: Embedder) -> None:
        self.name, self.dims = embedder.name, embedder.dims
        self._embedder = embedder
        self._known: dict[str, NDArray[np.float32]] = {}

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one row per text."""
        if new := [text for text in dict.fromkeys(texts) if text not in self._known]:
            self._known |= dict(zip(new, await self._embedder.embed(new), strict=True))
        return np.stack([self._known[text] for text in texts])

    async def embed_one(self, text: str) -> NDArray[np.float32]:
        """Return the vector of one text."""
        vector: NDArray[np.float32] = (await self.embed([text]))[0]
        return vector


async def samples(
    corpus: Search, embedder: Embedder, rows: Sequence[Row], *, identity: Identity, tick: Tick | None = None
) -> list[Sample]:
    """Ask every row's question; each second answerable one also without the article that answers it."""
    found: list[Sample] = []
    embedder = Remembering(embedder)
    for number, row in enumerate(rows):
        question = question_of(row)
        passages = await corpus.search(question, await embedder.embed_one(question), identity=identity, limit=MORE)
        miss = is_unanswerable(row)
        found += await _sample(row, passages, "near miss" if miss else "answerable", embedder)
        if not miss and number % 2 == 0:
            others = [one for one in passages if article(one["document_id"]) != _article_of(row)]
            found += await _sample(row, others, "elsewhere", embedder)
        if tick:
            tick(number + 1, len(rows), question)
    return found


async def nearness_elsewhere(
    corpus: Search, embedder: Embedder, rows: Sequence[Row], *, identity: Identity
) -> list[float]:
    """Ask questions of passages in another language that hold no answer; return how near the best sentences are."""
    found = []
    for row in rows:
        question = question_of(row)
        passages = await corpus.search(question, await embedder.embed_one(question), identity=identity, limit=FOUND)
        ranking = await rank(question, passages, embedder=embedder)
        if ranking.candidates and is_chinese(question) != is_chinese(ranking.quote().text):
            found.append(ranking.quote().nearness)
    return found


async def _sample(row: Row, passages: Sequence[Passage], kind: str, embedder: Embedder) -> list[Sample]:
    question = question_of(row)
    ranking = await rank(question, passages[:FOUND], embedder=embedder)
    if not ranking.candidates:
        return []
    quote, chinese = ranking.quote(), is_chinese(question)
    if chinese != is_chinese(quote.text):
        return []  # judged by meaning alone
    right = kind == "answerable" and holds(quote.text, gold_answers(row))
    found = evidence(question, passages[:FOUND])
    return [Sample(signs(question, quote, ranking.weights), _article_of(row), kind, chinese, right, found)]


def article(document: str) -> str:
    """Return the article a document is a part of: what stands before `#`."""
    return document.split("#")[0]


def _article_of(row: Row) -> str:
    return article(min(gold_documents(row), default=""))


def learnable(found: Sequence[Sample]) -> bool:
    """Tell whether the samples hold answerable questions and others, of several articles."""
    return len({sample.article for sample in found}) > 1 and len({sample.kind == "answerable" for sample in found}) > 1


def learn(found: Sequence[Sample], near_across: float) -> tuple[Answerable, dict[str, Any]]:
    """Return weights learnt from all samples, and how such weights do on articles that they were not learnt from."""
    scores = held_out(found)
    columns, labels = _columns(found), _labels(found)
    learnt = _fit(columns, labels, balance(found))
    bias = {name: float(learnt[-1]) for name in LOST}
    bias["chinese"] += float(learnt[-2])
    points = {name: _point(found, scores, name) for name in LOST}
    judged = {name: _judge(found, scores, name, point) for name, point in points.items() if point is not None}
    moved = {name: bias[name] - (points[name] or 0.0) for name in LOST}
    return Answerable(tuple(learnt[:-2].tolist()), moved["english"], moved["chinese"], near_across), judged


def judge(found: Sequence[Sample], used: Answerable) -> dict[str, Any]:
    """Return how weights do that are there already."""
    biases = np.array([used.bias(chinese=sample.chinese) for sample in found])
    scores = np.array([sample.signs for sample in found]) @ np.array(used.weights) + biases
    there = [name for name in LOST if _here(found, name, "answerable").any()]
    return {name: _judge(found, scores, name, 0.0) for name in there}


def held_out(found: Sequence[Sample]) -> Floats:
    """Score each fold of articles by weights learnt from the others."""
    columns, labels, weights = _columns(found), _labels(found), balance(found)
    places = {name: number % FOLDS for number, name in enumerate(_shuffled(found))}
    fold = np.array([places[sample.article] for sample in found])
    scores = np.zeros(len(found))
    for number in range(FOLDS):
        here = fold == number
        learnt = _fit(columns[~here], labels[~here], weights[~here])
        scores[here] = columns[here] @ learnt[:-1] + learnt[-1]
    return scores


def balance(found: Sequence[Sample]) -> Floats:
    """Weigh samples so that no kind in a language drowns the others, and both labels count the same."""
    groups = np.array([f"{sample.kind} {sample.chinese}" for sample in found])
    _, places, counts = np.unique(groups, return_inverse=True, return_counts=True)
    weights = 1 / np.sqrt(counts[places])
    labels = _labels(found)
    for label in (0, 1):
        weights[labels == label] *= len(found) / 2 / max(1e-9, float(weights[labels == label].sum()))
    return np.asarray(weights, np.float64)


def _fit(columns: Floats, labels: Floats, weights: Floats) -> Floats:
    mean, spread = columns.mean(0), columns.std(0) + 1e-6
    learnt = fit((columns - mean) / spread, labels, weights, PENALTY)
    raw = learnt[:-1] / spread
    return np.append(raw, learnt[-1] - raw @ mean)


def _columns(found: Sequence[Sample]) -> Floats:
    return np.array([[*sample.signs, float(sample.chinese)] for sample in found])


def _labels(found: Sequence[Sample]) -> Floats:
    return np.array([sample.kind == "answerable" for sample in found], np.float64)


def _shuffled(found: Sequence[Sample]) -> list[str]:
    names = sorted({sample.article for sample in found})
    return [names[i] for i in np.random.default_rng(1).permutation(len(names))]


def _here(found: Sequence[Sample], language: str, *kinds: str) -> NDArray[np.bool_]:
    wanted = language == "chinese"
    return np.array([one.chinese == wanted and (not kinds or one.kind in kinds) for one in found])


def _point(found: Sequence[Sample], scores: Floats, language: str) -> float | None:
    """Return the score under which the allowed share of answerable questions lies."""
    here = _here(found, language, "answerable")
    return float(np.quantile(scores[here], LOST[language])) if here.any() else None


def _judge(found: Sequence[Sample], scores: Floats, language: str, point: float) -> dict[str, Any]:
    figures: dict[str, Any] = {"rows": int(_here(found, language).sum())}
    for kind in ("near miss", "elsewhere"):
        here = _here(found, language, "answerable", kind)
        if (order := auroc(_labels(found)[here], scores[here])) is not None:
            figures[kind] = {"auroc": round(order, 3), **_at(found, scores, language, kind, point)}
            figures[kind]["curve"] = _curve(found, scores, language, kind)
    return figures


def _at(found: Sequence[Sample], scores: Floats, language: str, kind: str, point: float) -> dict[str, float]:
    """Return what a threshold withholds of both kinds, and what is left of the right answers."""
    here, answerable = _here(found, language, "answerable", kind), _here(found, language, "answerable")
    withheld, missing = scores < point, _labels(found) == 0
    right = np.array([sample.right for sample in found])
    return {
        "withheld": round(float(withheld[here & missing].mean()), 3),
        "lost": round(float(withheld[answerable].mean()), 3),
        "right": round(float((right & ~withheld)[answerable].mean()), 3),
        "abstention_f1": round(class_f1(withheld[here].tolist(), missing[here].tolist()), 3),
    }


def _curve(found: Sequence[Sample], scores: Floats, language: str, kind: str) -> list[dict[str, float]]:
    answerable = scores[_here(found, language, "answerable")]
    shares = (0.02, 0.05, 0.1, 0.2, 0.3)
    return [_at(found, scores, language, kind, float(np.quantile(answerable, share))) for share in shares]
