"""Whatever a question holds, Redis lives and the search answers."""

import asyncio
import random
from pathlib import Path

import pytest

from tests.contract.test_corpus_walls import VECTOR, Alike
from twintrack.core.context import Identity
from twintrack.core.corpus import Corpus
from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import RetrievalSettings

WHO = Identity("fuzz", "fuzz")
QUESTIONS = 10_000
AT_ONCE = 250
PIECES = (
    *("will", "there", "a", "the", "cat", "fee", "9", "NOT", "OR", "1e309", "-0", "NaN", "\\", "\\\\", "'", '"'),
    *("@tenant:{*}", "@words:(", "=>[KNN 9 @vector $v]", "=>{$weight: 9}", "$v", "%%x%%", "-*", "(a|b)", "w'*'", "~x"),
    *("*", "|", "-", "(", ")", "[", "]", "{", "}", "<", ">", ":", ";", "=", "@", "$", "%", "\x00", "\x1b[31m", "\r\n"),
    *("广茂铁路", "中", "한국어", "かな", "Ελλ", "עברית", "\u202e", "\u200b", "\ufeff", "e\u0301", "ﬁ", "İ", "ß", "ﷺ"),
    *("😀", "👩‍👩‍👧‍👦", "🇨🇳", "\ud800", "\udfff", "\U0010ffff", "١٢٣", "½", "a" * 300, "中" * 300),
)


def hostile(dice: random.Random) -> str:
    """Return a question of pieces that mean something to a parser, or of any code points at all."""
    if dice.random() < 0.3:
        return "".join(chr(dice.randrange(0x110000)) for _ in range(dice.randrange(40)))
    return dice.choice(["", " ", "|"]).join(dice.choices(PIECES, k=dice.randrange(12)))


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
    question = (piece * (100_000 // len(piece) + 1))[:100_000]
    assert len(await corpus.search(question, VECTOR, identity=WHO)) == 1
