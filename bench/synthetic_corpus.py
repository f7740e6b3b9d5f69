"""A corpus of made-up passages whose words and vectors are spread as in real text, for timing a search in it."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twintrack.core.access import EVERYONE
from twintrack.core.context import Identity
from twintrack.core.corpus import Corpus
from twintrack.core.documents import Document
from twintrack.core.embeddings import Embedder
from twintrack.core.passages_index import PassagesIndex, record
from twintrack.core.query_words import STOP_WORDS
from twintrack.core.redis_client import RedisSource
from twintrack.core.redis_index import ContractIndex
from twintrack.core.settings import RetrievalSettings
from twintrack.core.tokens import Span

WHO = Identity("bench", "bench")
Tick = Callable[[int, int, str], None]
_VOCABULARY = 50_000
_TOPICS = 2_000
_TOPIC_WORDS = 60
_LENGTHS = (60, 140)
"""Fewest and most words of a passage."""
NOISE = 0.7
"""Length of what sets a passage's vector apart from its topic's."""
BATCH = 500
_WRITTEN = 100
"""Passages of one write: an hnsw index takes milliseconds for each, and a write may not last as long as a time-out."""
_SYLLABLES = np.array(
    [first + vowel + last for first in "bcdfghklmnprstvw" for vowel in "aeiou" for last in ("", "n", "r", "s")]
)


class Vocabulary:
    """Words by frequency: English stop words first, then made-up ones, drawn as Zipf's law has it."""

    def __init__(self, dice: np.random.Generator) -> None:
        common = sorted(word for word in STOP_WORDS if word.isascii())
        made: dict[str, None] = {}
        while len(made) < _VOCABULARY:
            made["".join(dice.choice(_SYLLABLES, dice.integers(2, 5)))] = None
        self.words = np.array([*common, *made])
        self.common = len(common)
        self._dice = dice
        ranks = np.arange(1, len(self.words) + 1)
        self._up_to = np.cumsum(1.0 / (ranks + 2.7))
        self._up_to /= self._up_to[-1]
        self._topics = dice.integers(self.common + 200, len(self.words), (_TOPICS, _TOPIC_WORDS))

    def passage(self, topic: int) -> str:
        """Return a passage of which a quarter is its topic's own words."""
        drawn = np.searchsorted(self._up_to, self._dice.random(int(self._dice.integers(*_LENGTHS))))
        own = self._dice.random(len(drawn)) < 0.25
        drawn[own] = self._dice.choice(self._topics[topic], int(own.sum()))
        return " ".join(self.words[drawn])

    def question(self, passage: str) -> str:
        """Return a question of a passage's words: three of its rarest in eight, and what people ask with."""
        held = list(dict.fromkeys(passage.split()))
        telling = [word for word in held if word not in STOP_WORDS]
        asked = self._dice.choice(telling, min(7, len(telling)), replace=False)
        return f"What is the {' '.join(asked[:4])} of the {' '.join(asked[4:])}?"


@dataclass(frozen=True, slots=True)
class Filled:
    """A filled corpus."""

    corpus: Corpus
    index: ContractIndex
    settings: RetrievalSettings
    vectors: NDArray[np.float32]
    """One row per passage, in the order of their ids."""
    questions: list[str]


@asynccontextmanager
async def filled_corpus(
    source: RedisSource, embedder: Embedder, settings: RetrievalSettings, *, chunks: int, questions: int, tick: Tick
) -> AsyncIterator[Filled]:
    """Fill a corpus of its own, and drop it with everything in it at the end."""
    dice = np.random.default_rng(7)
    settings = settings.model_copy(update={"corpus": f"bench-{uuid.uuid4().hex[:8]}"})
    corpus = Corpus(source, embedder, settings)
    layout = await corpus.layout()
    index = await source.index(layout.schema())
    try:
        vocabulary = await asyncio.to_thread(Vocabulary, dice)
        texts, vectors = await _fill(source, embedder, layout, vocabulary, dice, chunks, tick)
        asked = [vocabulary.question(texts[place]) for place in dice.integers(0, chunks, questions)]
        yield Filled(corpus, index, settings, vectors, asked)
    finally:
        await index.delete(drop=True)


async def _fill(
    source: RedisSource,
    embedder: Embedder,
    layout: PassagesIndex,
    vocabulary: Vocabulary,
    dice: np.random.Generator,
    chunks: int,
    tick: Tick,
) -> tuple[list[str], NDArray[np.float32]]:
    texts, vectors = await drawn(embedder, vocabulary, dice, chunks, tick)
    for start in range(0, chunks, _WRITTEN):
        await _write(source.client(), layout, texts, vectors, range(start, min(start + _WRITTEN, chunks)))
        tick(start, chunks, "writing")
    return texts, vectors


async def drawn(
    embedder: Embedder, vocabulary: Vocabulary, dice: np.random.Generator, count: int, tick: Tick
) -> tuple[list[str], NDArray[np.float32]]:
    """Return passages with their vectors; a topic's vector is the encoder's of one of its passages."""
    topics = dice.integers(0, min(_TOPICS, count), count)
    texts: list[str] = []
    for start in range(0, count, BATCH):
        texts += [vocabulary.passage(topic) for topic in topics[start : start + BATCH]]
        tick(start, count, "making")
        await asyncio.sleep(0)  # here Ctrl-C is heeded
    first = {topic: place for place, topic in reversed(list(enumerate(topics.tolist())))}
    order = sorted(first)
    centres = np.zeros((_TOPICS, embedder.dims), np.float32)
    for start in range(0, len(order), BATCH):
        chosen = order[start : start + BATCH]
        centres[chosen] = await embedder.embed([texts[first[topic]] for topic in chosen])
        tick(start, len(order), "embedding")
    vectors = np.empty((count, embedder.dims), np.float32)
    for start in range(0, count, BATCH):
        some = centres[topics[start : start + BATCH]]
        some += dice.standard_normal(some.shape, np.float32) * (NOISE / embedder.dims**0.5)
        vectors[start : start + BATCH] = some / np.linalg.norm(some, axis=1, keepdims=True)
        await asyncio.sleep(0)
    return texts, vectors


def _parts(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return as many parts as a passage of this length has."""
    return np.repeat(vector[None], 3, axis=0)


async def _write(
    client: Any, layout: PassagesIndex, texts: list[str], vectors: NDArray[np.float32], places: range
) -> None:
    async with client.pipeline(transaction=False) as pipe:
        for place in places:
            text = texts[place]
            document = Document(f"d{place}", "", text, "bench")
            fields = record(
                document, Span(0, len(text), text), _parts(vectors[place]), layout=layout, identity=WHO, access=EVERYONE
            )
            pipe.hset(layout.passage_key(f"{place}", WHO), mapping=fields)
        await pipe.execute()
    await asyncio.sleep(0)
