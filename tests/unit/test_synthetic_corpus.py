"""Making up a large corpus is stopped between two batches, not after all of it."""

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from twintrack.bench.synthetic_corpus import BATCH, drawn


class CountsPassages:
    """Stands for the vocabulary."""

    made = 0

    def passage(self, _topic: int) -> str:
        self.made += 1
        return "words"


class GivesOnes:
    """Stands for the encoder."""

    dims = 4

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.ones((len(texts), self.dims), np.float32)


async def test_making_passages_is_stopped_after_the_batch_at_hand() -> None:
    vocabulary: Any = CountsPassages()
    embedder: Any = GivesOnes()

    def stop(*_: object) -> None:
        work.cancel()

    work = asyncio.ensure_future(drawn(embedder, vocabulary, np.random.default_rng(1), 5 * BATCH, stop))
    with pytest.raises(asyncio.CancelledError):
        await work
    assert vocabulary.made == BATCH


async def test_passages_and_vectors_are_as_many_as_asked_for_and_of_length_one() -> None:
    vocabulary: Any = CountsPassages()
    embedder: Any = GivesOnes()
    texts, vectors = await drawn(embedder, vocabulary, np.random.default_rng(1), BATCH + 1, lambda *_: None)
    assert (len(texts), vectors.shape) == (BATCH + 1, (BATCH + 1, 4))
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1)
