"""A record's text score counts every word it holds, also behind a wall of tags."""

import numpy as np

from twintrack.core.hybrid import HybridSearch, hybrid
from twintrack.core.redis_client import RedisSource

SCHEMA = {
    "index": {"name": "scores", "prefix": "scores:", "storage_type": "hash", "stopwords": []},
    "fields": [
        {"name": "tenant", "type": "tag", "attrs": {"case_sensitive": True}},
        {"name": "words", "type": "text"},
        {"name": "vector", "type": "vector", "attrs": {"dims": 2, "algorithm": "flat", "distance_metric": "cosine"}},
    ],
}


async def test_the_record_with_all_the_words_wins_behind_a_wall(source: RedisSource) -> None:
    """RediSearch 2.10 counts only some words of a union that stands inside an intersection."""
    index = await source.index(SCHEMA)
    vector = np.ones(2, np.float32)
    texts = ["theorem x", "remains x", "valid x", "theorem remains valid unique domains", "unique x", "domains x"] * 5
    client = source.client()
    for number, text in enumerate(texts):
        await client.hset(
            f"scores:{number}", mapping={"tenant": "a", "words": text, "vector": vector.tobytes(), "text": text}
        )
    search = HybridSearch(
        index="scores",
        words=["theorem", "remains", "valid", "unique", "domains"],
        vector=vector,
        filters={"tenant": "a"},
        fields=("text",),
        vector_weight=0.0,
    )
    rows = await hybrid(index, search, limit=30)
    assert {row.fields["text"] for row in rows[:5]} == {"theorem remains valid unique domains"}
    assert rows[0].text_score > 2 * rows[5].text_score
