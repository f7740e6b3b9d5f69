"""A record's text score counts every word it holds, also behind a wall of tags."""

import random
from typing import Any

import numpy as np
import pytest

from twintrack.core.hybrid import HybridSearch, hybrid, parse
from twintrack.core.redis_client import RedisSource

SCHEMA = {
    "index": {"name": "scores", "prefix": "scores:", "storage_type": "hash", "stopwords": []},
    "fields": [
        {"name": "tenant", "type": "tag", "attrs": {"case_sensitive": True}},
        {"name": "words", "type": "text"},
        {"name": "vector", "type": "vector", "attrs": {"dims": 2, "algorithm": "flat", "distance_metric": "cosine"}},
    ],
}
WORDS = ["theorem", "remains", "valid", "unique", "factorization", "domains"]


@pytest.mark.parametrize("seed", range(3))
async def test_the_wall_changes_no_score(source: RedisSource, seed: int) -> None:
    """RediSearch 2.10 counts only some words of a union that stands inside an intersection."""
    index = await source.index(SCHEMA)
    client: Any = source.client()
    vector = np.ones(2, np.float32)
    dice = random.Random(seed)
    for number in range(300):
        held = [word for word in WORDS if dice.random() < 0.05] + [f"other{number % 7}"] * dice.randint(5, 60)
        if number == 200:
            held += WORDS
        fields = {"tenant": "a", "words": " ".join(held), "vector": vector.tobytes()}
        await client.hset(f"scores:{number}", mapping=fields)
    search = HybridSearch(
        index="scores",
        words=WORDS,
        vector=vector,
        filters={"tenant": "a"},
        fields=("tenant",),
        vector_weight=0.0,
        candidates=300,
    )
    rows = await hybrid(index, search, limit=300)
    bare = await client.execute_command(
        *("FT.SEARCH", "scores", f"@words:({'|'.join(WORDS)})", "VERBATIM", "WITHSCORES", "SCORER", "BM25STD"),
        *("RETURN", 1, "tenant", "LIMIT", 0, 300, "DIALECT", 2),
    )
    assert rows[0].key == "scores:200"
    expected = {key: score for key, score, _ in parse(bare)}
    walled = {row.key: row.text_score for row in rows if row.text_score}
    assert walled.keys() == expected.keys()
    for name, score in walled.items():
        assert score == pytest.approx(expected[name], rel=0.02)


async def test_what_only_the_words_find_comes_with_its_fields(source: RedisSource) -> None:
    index = await source.index(SCHEMA)
    client: Any = source.client()
    for name, held, vector in (("near", "other", [1, 0]), ("said", "theorem", [0, 1])):
        fields: dict[Any, Any] = {"tenant": "a", "words": held, "vector": np.array(vector, np.float32).tobytes()}
        await client.hset(f"scores:{name}", mapping=fields)
    search = HybridSearch(
        index="scores",
        words=["theorem"],
        vector=np.array([1, 0], np.float32),
        filters={"tenant": "a"},
        fields=("words",),
        vector_weight=0.5,
        candidates=1,
    )
    rows = await hybrid(index, search, limit=2)
    assert {row.key: row.fields["words"] for row in rows} == {"scores:near": "other", "scores:said": "theorem"}
