"""A claim stays only where the words, names and numbers of what it cites bear it out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twintrack.core.passages import Passage, cite
from twintrack.nodes.claims import cited_claims, without_claims
from twintrack.nodes.state import Draft
from twintrack.nodes.support import supported
from twintrack.nodes.verify import checked

SOURCE = "The lighthouse of Lindwick is forty-one metres tall; Greta Holm has kept it since 1962. 灯塔高41米。"
ENGLISH = SOURCE[: SOURCE.index("灯")]


@pytest.mark.parametrize(
    "claim",
    [
        "The lighthouse is 41 metres tall. [1]",
        "Greta Holm keeps the lighthouse. [1]",
        "It has been kept since 1962.",
        "灯塔高41米。",
    ],
)
def test_what_the_passage_says_is_supported(claim: str) -> None:
    assert supported(claim, ENGLISH, "How tall is it?")


@pytest.mark.parametrize(
    "claim",
    [
        "The lighthouse is 42 metres tall. [1]",
        "The keeper is Scott Kelly. [1]",
        "Its budget doubled after parliament voted for subsidies. [1]",
        "灯塔高42米。",
    ],
)
def test_a_number_a_name_or_words_that_stand_nowhere_are_not(claim: str) -> None:
    assert not supported(claim, ENGLISH, "How tall is it?")


def test_words_of_the_question_need_no_bearing_out() -> None:
    assert supported("The tower's height in feet comes to 41.", ENGLISH, "What is the tower's height in feet?")


@given(st.text(max_size=120), st.text(max_size=120))
def test_a_text_bears_itself_out_and_any_text_gets_a_verdict(one: str, other: str) -> None:
    assert isinstance(supported(one, other, ""), bool)


PASSAGE = Passage(id="p", document_id="d", title="T", source="t.md", text=ENGLISH, start=0, score=1.0)


def draft(text: str, *markers: int) -> Draft:
    return Draft(status="answered", text=text, citations=[cite(one, PASSAGE, 0, ENGLISH[:14]) for one in markers])


def test_only_the_unsupported_claim_goes_and_its_mark_stays_where_another_claim_needs_it() -> None:
    kept = checked(
        "q",
        draft("It is 41 metres tall. [1] It cost 900 pounds. [1] Greta Holm has kept it. [2]", 1, 2),
        {"p": PASSAGE},
    )
    assert kept["text"] == "It is 41 metres tall. [1] Greta Holm has kept it. [2]"
    assert [one["marker"] for one in kept["citations"]] == [1, 2]


def test_with_no_claim_left_the_answer_is_withheld() -> None:
    kept = checked("q", draft("It cost 900 pounds. [1]", 1), {"p": PASSAGE})
    assert (kept["status"], kept["citations"]) == ("abstained", [])


def test_a_verbatim_quote_is_a_claim_of_its_own_even_with_stops_inside() -> None:
    quote = "No. 7 was built by J. R. Holm."
    passage = Passage(**{**PASSAGE, "text": quote})
    citations = [cite(1, passage, 0, quote)]
    (claim,) = cited_claims(f"{quote} [1]", citations)
    assert (claim.text, claim.verbatim) == (quote, True)


SENTENCES = st.lists(st.sampled_from(["It is tall.", "灯塔很高。", "17 * 23 = 391.", "Is it?"]), min_size=1, max_size=5)


@given(SENTENCES, st.sets(st.integers(0, 4)))
def test_what_is_dropped_is_gone_and_the_rest_stands_word_for_word(said: list[str], drop: set[int]) -> None:
    pieces = [f"{one} [{place}]" for place, one in enumerate(said, 1)]
    found = cited_claims(" ".join(pieces), [])
    assert [claim.markers for claim in found] == [(place,) for place in range(1, len(said) + 1)]
    bad = [claim for place, claim in enumerate(found) if place in drop]
    kept = [piece for place, piece in enumerate(pieces) if place not in drop]
    assert without_claims(" ".join(pieces), bad) == " ".join(kept)


def test_a_masked_value_is_borne_out_by_itself_alone() -> None:
    claim = "The mail address of the keeper is <EMAIL_7c7d3e>."
    assert supported(claim, claim, "What is the mail address of the keeper?")
    assert not supported(claim, claim.replace("7c7d3e", "abcdef"), "What is the mail address of the keeper?")
