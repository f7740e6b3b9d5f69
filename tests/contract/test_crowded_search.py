"""A tenant with very many passages is searched through the vector index, walls and all."""

from pathlib import Path

import numpy as np
import pytest

from tests.contract.test_corpus_walls import ANNE, BOB, SETTINGS, VECTOR, Alike, seen, write
from twintrack.core import crowds
from twintrack.core.context import Identity
from twintrack.core.corpus import Corpus
from twintrack.core.hybrid import HybridSearch
from twintrack.core.redis_client import RedisSource


async def test_the_walls_stand_in_a_crowd_too(
    source: RedisSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crowds, "MANY", 2)
    corpus = Corpus(source, Alike(), SETTINGS.model_copy(update={"vector_index": "hnsw"}))
    for name in ("menu", "map"):
        await corpus.ingest([write(tmp_path / name, name)], identity=ANNE)
    await corpus.ingest([write(tmp_path / "l", "contract")], identity=ANNE, readers=["group:legal"])
    await corpus.ingest([write(tmp_path / "r", "secret")], identity=Identity("rival"))
    assert await seen(corpus, ANNE) == {"menu", "map", "contract"}
    assert await seen(corpus, BOB) == {"menu", "map"}
    assert await seen(corpus, Identity("rival")) == {"secret"}


@pytest.mark.parametrize("crowded", [True, False])
def test_only_a_crowd_is_searched_in_batches(crowded: bool) -> None:
    search = HybridSearch(
        index="ix",
        words=[],
        vector=np.asarray(VECTOR),
        filters={"tenant": "a"},
        fields=(),
        vector_weight=0.5,
        crowded=crowded,
    )
    assert ("HYBRID_POLICY BATCHES" in search.commands()[0][2]) == crowded
