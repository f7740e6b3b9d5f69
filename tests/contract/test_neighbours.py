"""What stands beside a passage comes with it where the setting asks for it, and never across a wall or a document."""

from pathlib import Path

from tests.contract.test_corpus_walls import ANNE, SETTINGS, VECTOR, Alike
from twintrack.core.corpus import Corpus
from twintrack.core.redis_client import RedisSource

STORY = " ".join(
    f"Chapter {number} tells of the {word}." for number, word in enumerate(["fox", "owl", "elk", "hen", "bee"])
)


async def test_a_passage_comes_with_those_beside_it(source: RedisSource, tmp_path: Path) -> None:
    chosen = {"chunk_chars": 100, "chunk_overlap": 0, "vector_weight": 0.0, "neighbours": 1}
    corpus = Corpus(source, Alike(), SETTINGS.model_copy(update=chosen))
    (tmp_path / "a.md").write_text(STORY * 3)
    (tmp_path / "b.md").write_text("Another text tells of the elk and the fox.")
    await corpus.ingest([tmp_path], identity=ANNE)
    found = await corpus.search("Which chapter tells of the elk?", VECTOR, identity=ANNE, limit=1)
    first = found[0]
    assert len(found) in (2, 3)
    assert {one["document_id"] for one in found} == {first["document_id"]}
    gaps = [abs(one["start"] - first["start"]) for one in found[1:]]
    assert all(0 < gap <= 200 for gap in gaps)
    assert len({one["id"] for one in found}) == len(found)
