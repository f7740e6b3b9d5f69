"""Words and sentences keep true offsets and never carry query syntax."""

import re

from hypothesis import given
from hypothesis import strategies as st

from twintrack.core.tokens import is_chinese, sentences, words

HOSTILE = st.text(max_size=400) | st.text(alphabet="@{}()|-~*%:\"'\\$[] ab中文。.!?\n#", max_size=200)


def test_words_are_lower_cased_and_chinese_becomes_characters_and_pairs() -> None:
    assert words("The Amazon, 5,500") == ["the", "amazon", "5", "500"]
    assert words("广三铁路") == ["广", "三", "铁", "路", "广三", "三铁", "铁路"]
    assert words("《战国无双3》iPhone手机")[-4:] == ["iphone", "手", "机", "手机"]


def test_full_width_letters_are_the_same_word() -> None:
    assert words("ＡＢＣ１２") == ["abc12"]


@given(HOSTILE)
def test_a_word_holds_letters_and_digits_only(text: str) -> None:
    assert all(re.fullmatch(r"[^\W_]+", word) for word in words(text))
    assert all(0 < len(word) <= 64 for word in words(text))


@given(HOSTILE)
def test_sentences_tile_the_text_in_order_with_true_offsets(text: str) -> None:
    position = 0
    for span in sentences(text):
        assert text[span.start : span.end] == span.text
        assert text[position : span.start].strip() == ""
        assert span.text == span.text.strip() != ""
        position = span.end
    assert text[position:].strip() == ""


def texts(text: str) -> list[str]:
    return [span.text for span in sentences(text)]


def test_abbreviations_and_initials_do_not_end_a_sentence() -> None:
    assert texts("Dr. Smith met J. K. Rowling in the U.S. Army. He left.") == [
        "Dr. Smith met J. K. Rowling in the U.S. Army.",
        "He left.",
    ]
    assert texts("It costs 3.5 million. In the U.S. The rest is free.") == [
        "It costs 3.5 million.",
        "In the U.S.",
        "The rest is free.",
    ]


def test_chinese_sentences_end_at_full_width_marks() -> None:
    assert texts("广茂铁路全长364.6公里。由谁管理？三茂公司！好") == [
        "广茂铁路全长364.6公里。",
        "由谁管理？",
        "三茂公司！",
        "好",
    ]


def test_headings_bullets_and_blank_lines_end_a_sentence() -> None:
    assert texts("# Fees\nThe fee is\n$15.\n- one\n- two\n\nlast") == [
        "# Fees",
        "The fee is\n$15.",
        "- one",
        "- two",
        "last",
    ]


def test_a_list_number_stays_with_its_item() -> None:
    assert texts("1. Verify the customer.\n2. Check it.") == ["1. Verify the customer.", "2. Check it."]


def test_chinese_is_told_from_english() -> None:
    assert is_chinese("《Warriors 3》是由哪两个公司合作开发的？")
    assert not is_chinese("What does 中 mean in this sentence?")
    assert not is_chinese("これはペンですか")
    assert not is_chinese("")


def test_what_a_caller_does_to_its_sentences_changes_nobody_elses() -> None:
    mine = sentences("One is here. Two is there.")
    mine.clear()
    assert len(sentences("One is here. Two is there.")) == 2
