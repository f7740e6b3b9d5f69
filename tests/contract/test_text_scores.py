"""A record's text score counts every word it holds, also behind a wall of tags."""

import random
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest

from twintrack.core.hybrid import HybridSearch, hybrid
from twintrack.core.redis_binaries import UNIONS
from twintrack.core.redis_client import RedisSource
from twintrack.core.search_replies import parse
from twintrack.core.whole_unions import unions_whole

SCHEMA = {
    "index": {"name": "scores", "prefix": "scores:", "storage_type": "hash", "stopwords": []},
    "fields": [
        {"name": "tenant", "type": "tag", "attrs": {"case_sensitive": True}},
        {"name": "user", "type": "tag", "attrs": {"case_sensitive": True}},
        {"name": "words", "type": "text"},
        {"name": "vector", "type": "vector", "attrs": {"dims": 2, "algorithm": "flat", "distance_metric": "cosine"}},
    ],
}
WORDS = ["theorem", "remains", "valid", "unique", "factorization", "domains"]


@pytest.fixture(params=["as the embedded server", "as servers usually"])
async def unions(request: pytest.FixtureRequest, source: RedisSource) -> AsyncIterator[str]:
    """Let the server walk unions in one of its two ways."""
    client: Any = source.client()
    usual = request.param == "as servers usually"
    await client.execute_command("FT.CONFIG", "SET", UNIONS, 20 if usual else 1)
    yield request.param
    await client.execute_command("FT.CONFIG", "SET", UNIONS, 1)


async def test_words_stand_behind_one_wall_where_the_server_counts_them_all(source: RedisSource, unions: str) -> None:
    assert await unions_whole(source.client()) is (unions == "as the embedded server")


@pytest.mark.usefixtures("unions")
@pytest.mark.parametrize("wall", [{"tenant": ("a", "nobody")}, {"tenant": "a", "user": "a"}])
@pytest.mark.parametrize("seed", range(3))
async def test_the_wall_changes_no_score(source: RedisSource, seed: int, wall: dict[str, Any]) -> None:
    """RediSearch 2.10 counts only some words of a union that stands inside an intersection."""
    index = await source.index(SCHEMA)
    client: Any = source.client()
    vector = np.ones(2, np.float32)
    dice = random.Random(seed)
    for number in range(300):
        held = [word for word in WORDS if dice.random() < 0.05] + [f"other{number % 7}"] * dice.randint(5, 60)
        if number == 201:
            held += WORDS
        whose = "b" if number % 3 else "a"
        fields = {"tenant": whose, "user": whose, "words": " ".join(held), "vector": vector.tobytes()}
        await client.hset(f"scores:{number}", mapping=fields)
    search = HybridSearch(
        index="scores",
        words=[*WORDS, *WORDS[:2]],
        vector=vector,
        filters=wall,
        fields=("tenant",),
        vector_weight=0.0,
        candidates=300,
    )
    rows = await hybrid(index, search, limit=300)
    bare = await client.execute_command(
        *("FT.SEARCH", "scores", f"@words:({'|'.join(search.words)})", "VERBATIM", "WITHSCORES", "SCORER", "BM25STD"),
        *("RETURN", 1, "tenant", "LIMIT", 0, 300, "DIALECT", 2),
    )
    assert rows[0].key == "scores:201"
    expected = {key: score for key, score, fields in parse(bare) if fields["tenant"] == "a"}
    walled = {row.key: row.text_score for row in rows if row.text_score}
    assert walled.keys() == expected.keys()
    for name, score in walled.items():
        assert score == pytest.approx(expected[name])


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
    assert {row.key: row.fields[b"words"] for row in rows} == {"scores:near": b"other", "scores:said": b"theorem"}
