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


@pytest.mark.parametrize(
    ("beam", "walk"),
    [
        (0, ""),
        (200, " HYBRID_POLICY BATCHES BATCH_SIZE 100 EF_RUNTIME 200"),
        (64, " HYBRID_POLICY BATCHES BATCH_SIZE 64 EF_RUNTIME 64"),
        (20, " HYBRID_POLICY BATCHES BATCH_SIZE 50 EF_RUNTIME 50"),
    ],
)
def test_only_a_crowd_is_searched_by_walking_the_index(beam: int, walk: str) -> None:
    search = HybridSearch(
        index="ix",
        words=["fee", "fee", "late"],
        vector=np.asarray(VECTOR),
        filters={"tenant": "a"},
        fields=(),
        vector_weight=0.5,
        beam=beam,
    )
    near, text = [search.by_vector(np.asarray(VECTOR)), *search.by_words()]
    assert near[2] == f"(@tenant:{{a}})=>[KNN 50 @vector $vector{walk} AS distance]"
    wall = "(@tenant:{a})=>{$weight: 0}"
    assert text[2] == f"(@words:fee {wall})=>{{$weight: 2}}|(@words:late {wall})=>{{$weight: 1}}"
    [together] = search.by_words(one_wall=True)
    assert together[2] == f"((@words:fee {wall})=>{{$weight: 2}}|@words:late) {wall}"
    [led] = search.by_words(one_wall=True, led_by={"late"})
    assert led[2] == f"(@words:late) (~@words:fee {wall})=>{{$weight: 2}} {wall}"


async def test_where_many_tenants_share_an_index_words_may_stand_in_more_of_it(
    source: RedisSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crowds, "MANY", 2)
    corpus = Corpus(source, Alike(), SETTINGS)
    for name in ("menu", "map"):
        await corpus.ingest([write(tmp_path / name, name)], identity=ANNE)
    for name in ("a", "b", "c"):
        await corpus.ingest([write(tmp_path / name, name)], identity=Identity(f"tenant-{name}"))
    index = await source.index((await corpus.layout()).schema())
    assert await crowds.Crowds().led(index, ANNE) == crowds.LED * 5 // 2
    assert await crowds.Crowds().led(index, Identity("tenant-a")) == 0
