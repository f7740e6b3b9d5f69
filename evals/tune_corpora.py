"""Asks the questions that a tuning is chosen by of their corpora, through the product's Redis path."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from twintrack.app.progress import progress_bar
from twintrack.core.corpus import Corpus
from twintrack.core.embeddings import Embedder
from twintrack.core.redis_client import RedisSource
from twintrack.core.tokens import is_chinese
from twintrack.evals import train_answerable, tune
from twintrack.evals.own_corpus import ingest, own_corpus
from twintrack.evals.rows import Row, question_of
from twintrack.evals.train_answerable import Sample
from twintrack.evals.tuned import Change

ACROSS = 200
"""Questions of other corpora that are asked of a corpus in another language."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One corpus, its questions, and what for."""

    name: str
    passages: Path
    rows: Sequence[Row]
    weigh: bool
    sample: bool


@dataclass(slots=True)
class Heard:
    """What came of it."""

    weights: list[Change] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    across: list[float] = field(default_factory=list)
    """How near the best sentences are to questions in another language that nothing answers."""


async def ask(corpora: Sequence[Asked], source: RedisSource, embedder: Embedder) -> Heard:
    """Read each corpus in, weigh it, and ask it its own questions and those of the others in another language."""
    heard = Heard()
    for asked in corpora:
        settings = own_corpus(asked.passages, name=asked.name).retrieval
        corpus = Corpus(source, embedder, settings)
        await ingest(corpus.ingest, asked.passages)
        if asked.weigh:
            change = await tune.vector_weight(
                asked.name, lambda chosen: Corpus(source, embedder, chosen), settings, embedder, asked.rows
            )
            heard.weights.append(change)
        if asked.sample:
            others = [one for one in corpora if one is not asked]
            await _sample(heard, corpus, embedder, asked, others)
    return heard


async def _sample(heard: Heard, corpus: Corpus, embedder: Embedder, asked: Asked, others: Sequence[Asked]) -> None:
    with progress_bar(f"Asking {asked.name}") as tick:
        heard.samples += await train_answerable.samples(corpus, embedder, asked.rows, identity=tune.WHO, tick=tick)
    chinese = _mostly_chinese(asked)
    foreign = [row for other in others if _mostly_chinese(other) != chinese for row in other.rows[:ACROSS]]
    heard.across += await train_answerable.nearness_elsewhere(corpus, embedder, foreign, identity=tune.WHO)


def _mostly_chinese(asked: Asked) -> bool:
    return 2 * sum(is_chinese(question_of(row)) for row in asked.rows) > len(asked.rows)
