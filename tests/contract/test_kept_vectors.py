"""A text that is read in again has its vector still: for other readers, under another name, but for no other tenant."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.contract.test_corpus_walls import ANNE, SETTINGS, Alike, seen, write
from twintrack.core.context import Identity
from twintrack.core.corpus import Corpus
from twintrack.core.kept_vectors import KeptVectors, vector_counts
from twintrack.core.redis_client import RedisSource


class Noting(Alike):
    """Notes what it is asked to embed."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked += texts
        return await super().embed(texts)


class OfOtherSize(Noting):
    dims = 3

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return (await super().embed(texts))[:, :3]


async def test_a_document_read_in_for_other_readers_is_not_embedded_again(source: RedisSource, tmp_path: Path) -> None:
    embedder = Noting()
    corpus = Corpus(source, embedder, SETTINGS)
    await corpus.ingest([write(tmp_path / "m", "menu")], identity=ANNE)
    await corpus.ingest([tmp_path / "m"], identity=ANNE, readers=["group:legal"])
    assert len(embedder.asked) == 1
    assert await seen(corpus, ANNE) == {"menu"}
    assert await vector_counts(source.client(), "acme") == {"vectors_made": 1, "vectors_reused": 1}


async def test_another_tenant_or_size_has_vectors_of_its_own(source: RedisSource) -> None:
    client: Any = source.client()
    for embedder, who in ((Noting(), ANNE), (Noting(), Identity("rival")), (OfOtherSize(), ANNE)):
        kept = KeptVectors(client, embedder, who, days=1)
        first, again = await kept.embed(["a", "b"]), await kept.embed(["b", "a", "c"])
        assert embedder.asked == ["a", "b", "c"]
        np.testing.assert_array_equal(first[::-1], again[:2])
        assert again.shape == (3, embedder.dims)


async def test_what_is_kept_runs_out_and_says_nothing_of_the_text(source: RedisSource) -> None:
    client: Any = source.client()
    await KeptVectors(client, Noting(), ANNE, days=0.5).embed(["a secret"])
    [name] = [name async for name in client.scan_iter(match="twintrack:vector:*")]
    assert 0 < await client.ttl(name) <= 43_200
    assert b"secret" not in name + await client.get(name)


@pytest.mark.parametrize(("days", "private"), [(0.0, False), (7.0, True)])
async def test_nothing_is_kept_where_it_is_switched_off_or_one_users_own(
    source: RedisSource, tmp_path: Path, days: float, private: bool
) -> None:
    corpus = Corpus(source, Noting(), SETTINGS.model_copy(update={"vectors_kept_days": days}))
    await corpus.ingest([write(tmp_path / "m", "menu")], identity=ANNE, private=private)
    assert not [name async for name in source.client().scan_iter(match="twintrack:vector*")]


async def test_nobody_is_asked_for_vectors_that_are_all_kept(source: RedisSource) -> None:
    class Once(Noting):
        async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
            assert texts
            return await super().embed(texts)

    kept = KeptVectors(source.client(), Once(), ANNE, days=1)
    np.testing.assert_array_equal(await kept.embed(["a"]), await kept.embed(["a"]))
