"""A tenant with very many passages is searched through the vector index, walls and all."""

from pathlib import Path

import numpy as np
import pytest

from tests.contract.test_corpus_walls import ANNE, BOB, SETTINGS, VECTOR, Alike, seen, write
from twintrack.core import crowds
from twintrack.core.context import Identity
from twintrack.core.corpus import Corpus
from twintrack.core.crowds import Crowd, Crowds
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


async def test_what_comes_while_a_tenant_is_thought_alone_stays_behind_its_wall(
    source: RedisSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server is not asked to hold a search to its tags where all it holds may be read; what is read is judged still."""
    monkeypatch.setattr(crowds, "MANY", 2)
    corpus = Corpus(source, Alike(), SETTINGS.model_copy(update={"vector_index": "hnsw"}))
    for name in ("menu", "map"):
        await corpus.ingest([write(tmp_path / name, name)], identity=ANNE)
    assert await seen(corpus, BOB) == {"menu", "map"}
    await corpus.ingest([write(tmp_path / "r", "secret")], identity=Identity("rival"))
    await corpus.ingest([write(tmp_path / "l", "contract")], identity=ANNE, readers=["group:legal"])
    assert await seen(corpus, BOB) == {"menu", "map"}
    assert await seen(corpus, Identity("rival")) == {"secret"}


async def test_a_tenant_is_alone_where_all_may_read_all_that_is_there(
    source: RedisSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crowds, "MANY", 2)
    corpus = Corpus(source, Alike(), SETTINGS)
    index = await source.index((await corpus.layout()).schema())
    found = []
    for name, more in (("menu", {}), ("map", {}), ("own", {"private": True})):
        await corpus.ingest([write(tmp_path / name, name)], identity=ANNE, **more)  # type: ignore[arg-type]
        found.append(await Crowds().of(index, ANNE))
    assert found == [Crowd(many=False, alone=False), Crowd(many=True, alone=True), Crowd(many=True, alone=False)]
    await corpus.clear(identity=ANNE, private=True)
    await corpus.ingest([write(tmp_path / "r", "secret")], identity=Identity("rival"))
    assert await Crowds().of(index, ANNE) == Crowd(many=True, alone=False)


@pytest.mark.parametrize(
    ("beam", "walled", "walk"),
    [(0, True, ""), (200, True, " HYBRID_POLICY BATCHES BATCH_SIZE 100 EF_RUNTIME 200"), (20, False, " EF_RUNTIME 50")],
)
def test_only_a_crowd_is_searched_by_walking_the_index(beam: int, walled: bool, walk: str) -> None:
    search = HybridSearch(
        index="ix",
        words=["fee", "fee", "late"],
        vector=np.asarray(VECTOR),
        filters={"tenant": "a"},
        fields=(),
        vector_weight=0.5,
        beam=beam,
        walled=walled,
    )
    near, text = [search.by_vector(np.asarray(VECTOR)), *search.by_words()]
    assert near[2] == f"{'(@tenant:{a})' if walled else '*'}=>[KNN 50 @vector $vector{walk} AS distance]"
    wall = "(@tenant:{a}) " if walled else ""
    assert text[2] == f"({wall}@words:fee)=>{{$weight: 2}}|({wall}@words:late)"
