"""What the memory of one user promises, on a real Redis."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from twintrack.core.context import Identity
from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import MemorySettings
from twintrack.core.tokens import words
from twintrack.memory.schemas import Turn
from twintrack.memory.tiers import Memory

ANN = Identity("acme", "ann")


class BagOfWords:
    """An embedder at the model's edge: texts that share words are near each other."""

    def __init__(self, name: str = "test:bag", dims: int = 256) -> None:
        self.name = name
        self.dims = dims

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.stack([self._vector(text) for text in texts])

    async def embed_one(self, text: str) -> NDArray[np.float32]:
        return self._vector(text)

    def _vector(self, text: str) -> NDArray[np.float32]:
        vector = np.full(self.dims, 1e-3, np.float32)
        for word in words(text):
            vector[sum(ord(sign) * 31**i for i, sign in enumerate(word)) % self.dims] += 1
        return vector / np.linalg.norm(vector)


@pytest.fixture
def memory(source: RedisSource) -> Memory:
    return Memory(source, BagOfWords(), MemorySettings())


def turn(
    question: str,
    answer: str = "Noted.",
    *,
    number: int = 1,
    thread: str = "t1",
    status: str = "answered",
    at: float = 1000.0,
) -> Turn:
    return Turn(
        thread_id=thread,
        turn_id=f"turn-{number}",
        question=question,
        answer=answer,
        route="direct",
        status=status,
        created_at=at + number,
    )


async def recalled(
    memory: Memory, question: str, identity: Identity = ANN, thread: str = "other"
) -> tuple[list[str], list[str]]:
    vector = await memory.facts.embedder.embed_one(question)
    found = await memory.recall(question, vector, identity=identity, thread_id=thread)
    return [fact["text"] for fact in found["facts"]], [episode["question"] for episode in found["episodes"]]


async def test_what_a_user_says_of_themselves_is_recalled_in_another_thread(memory: Memory) -> None:
    await memory.remember(turn("I live in Paris. What is the weather like?"), identity=ANN)
    facts, episodes = await recalled(memory, "Where do I live?")
    assert facts == ["I live in Paris."]
    assert episodes == ["I live in Paris. What is the weather like?"]
