"""Words of one stem are found by each other; other scripts stay as they are."""

import pytest

from twintrack.memory.stems import stem, stems


@pytest.mark.parametrize(
    "family",
    [
        "paint paints painted painting",
        "hike hikes hiked hiking",
        "study studies studied studying",
        "run runs running",
        "class classes",
        "call calls called calling",
    ],
)
def test_forms_of_one_word_share_a_stem(family: str) -> None:
    assert len({stem(word) for word in family.split()}) == 1


@pytest.mark.parametrize("word", ["bus", "this", "thing", "red", "bed", "king", "string", "glass", "2024s", "a1ing"])
def test_what_only_looks_like_an_ending_stays(word: str) -> None:
    assert stem(word) == word


def test_chinese_and_accented_words_stay() -> None:
    assert stems("利率 Straße") == ["利", "率", "利率", "straße"]
