"""Whatever a question holds, Redis lives and the search answers."""

import asyncio
import random
from pathlib import Path

import pytest

from tests.contract.test_corpus_walls import VECTOR, Alike
from tests.hostile import PIECES, hostile, repeated
from twintrack.core.context import Identity
from twintrack.core.corpus import Corpus
from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import RetrievalSettings

WHO = Identity("fuzz", "fuzz")
QUESTIONS = 10_000
AT_ONCE = 250


@pytest.fixture
async def corpus(source: RedisSource, tmp_path: Path) -> Corpus:
    (tmp_path / "fees.md").write_text("The monthly fee of the Blue Account is $15. 广茂铁路全长364.6公里。")
    corpus = Corpus(source, Alike(), RetrievalSettings.model_validate({"vector_index": "flat"}))
    await corpus.ingest([tmp_path], identity=WHO)
    return corpus


async def test_ten_thousand_hostile_questions_are_all_answered(corpus: Corpus, source: RedisSource) -> None:
    dice = random.Random(7)
    began = (await source.client().info("server"))["run_id"]
    for _ in range(QUESTIONS // AT_ONCE):
        questions = [hostile(dice) for _ in range(AT_ONCE)]
        found = await asyncio.gather(*(corpus.search(one, VECTOR, identity=WHO) for one in questions))
        assert [len(passages) for passages in found] == [1] * AT_ONCE
    assert (await source.client().info("server"))["run_id"] == began


@pytest.mark.parametrize("piece", [*PIECES, "x y " * 10, "will there cat "])
async def test_a_hundred_kilobytes_of_anything_are_answered(corpus: Corpus, piece: str) -> None:
    assert len(await corpus.search(repeated(piece), VECTOR, identity=WHO)) == 1
