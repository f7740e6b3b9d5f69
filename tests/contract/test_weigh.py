"""The mix of words and meaning is chosen by what ranks the right document first."""

from pathlib import Path

from tests.contract.test_corpus_walls import SETTINGS, Alike, write
from twintrack.core.context import Identity
from twintrack.core.corpus import Corpus
from twintrack.core.redis_client import RedisSource
from twintrack.evals import weigh

WHO = Identity("eval")


async def test_words_win_where_meaning_says_nothing(source: RedisSource, tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"vector_weight": 1.0, "reranker": "none"})
    names = ["menu", "map", "ledger", "sketch"]
    for name in names:
        write(tmp_path / "docs", name)
    corpus = Corpus(source, Alike(), settings)
    await corpus.ingest([tmp_path / "docs"], identity=WHO)
    found = await corpus.search("secret", await Alike().embed_one(""), identity=WHO)
    ids = {one["title"]: one["document_id"] for one in found}
    rows = [{"question": f"Is {name} the word?", "document_id": ids[name]} for name in names]
    figures = await weigh.run(lambda chosen: Corpus(source, Alike(), chosen), settings, Alike(), rows, identity=WHO)
    assert figures["vector_weight"]["before"] == 1.0
    assert figures["vector_weight"]["after"] < 1.0
    assert figures["held_out"]["before"]["mrr"] < figures["held_out"]["after"]["mrr"] == 1.0
