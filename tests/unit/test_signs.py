"""The signs that a quote only looks like an answer: another number, the opposite, no moment, no name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twintrack.nodes.answerable import shipped
from twintrack.nodes.opposites import opposed
from twintrack.nodes.sentence_scores import weigh
from twintrack.nodes.signs import SIGNS, Quote, mismatches, names, signs

NUMBER, OPPOSITE, NEGATION, KIND = range(4)


def quote(text: str, *, nearness: float = 0.5) -> Quote:
    return Quote(text, "Notes", "", "", text, nearness, nearness)


@pytest.mark.parametrize(
    ("question", "text", "sign"),
    [
        ("What peaks at 680 nm?", "Bands peak at 687 nm.", NUMBER),
        ("1998年谁当选？", "1996年陈明当选。", NUMBER),
        ("Who lives south of the river?", "Tom lives north of the river.", OPPOSITE),
        ("谁支持这项法案？", "王先生反对这项法案。", OPPOSITE),
        ("Which fee is not refunded?", "The fee is refunded.", NEGATION),
        ("哪些会员不可以借书？", "会员可以借书。", NEGATION),
        ("When did the mill open?", "The mill opened with a feast.", KIND),
        ("How many mills are there?", "There are mills along the river.", KIND),
    ],
)
def test_a_quote_that_answers_another_question_shows_it(question: str, text: str, sign: int) -> None:
    assert mismatches(question, text, text, text)[sign]


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("What peaks at 687 nm?", "Bands peak at 687 nm."),
        ("Who lives north of the river?", "Tom lives north of the river."),
        ("Does it flow from north to south?", "It flows south."),
        ("Which fee is not refunded?", "No fee of this kind is ever paid back."),
        ("When did the mill open?", "The mill opened in 1901."),
        ("How many mills are there?", "There are seven mills."),
        ("水磨是什么时候建的？", "水磨建于1901年。"),
    ],
)
def test_a_quote_that_fits_shows_nothing_amiss(question: str, text: str) -> None:
    assert not any(mismatches(question, text, text, text))


def test_a_number_that_the_question_named_is_no_amount() -> None:
    assert mismatches("How many people lived there in 1705?", "In 1705 people lived there.", "", "1705")[KIND]


def test_a_capital_that_only_begins_the_question_names_nothing() -> None:
    assert names("Rivers of Frisia run where?") == {"frisia"}


def test_an_opposite_counts_only_where_the_word_itself_is_missing() -> None:
    assert opposed({"first"}, {"last"})
    assert not opposed({"first"}, {"first", "last"})


def test_the_same_quote_scores_lower_where_something_speaks_against_it() -> None:
    question = "How many ships crossed the North Sea in 1705?"
    fits, amiss = (
        quote("In 1705 forty ships crossed the North Sea."),
        quote("In 1805 forty ships crossed the North Sea."),
    )
    weights = weigh(question, [fits.text, amiss.text])
    scores = [shipped().score(signs(question, one, weights), chinese=False) for one in (fits, amiss)]
    assert scores[0] > 0.5
    assert scores[0] > scores[1]


@given(st.text(max_size=120), st.text(max_size=200), st.floats(-1, 1), st.booleans())
def test_every_text_can_be_judged(question: str, text: str, nearness: float, chinese: bool) -> None:
    found = signs(question, quote(text, nearness=nearness), weigh(question, [text]))
    assert len(found) == len(SIGNS)
    assert 0 <= shipped().score(found, chinese=chinese) <= 1
