from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twintrack.core.passages import Citation, Passage
from twintrack.guardrails.citations import Citations, citation_problems, unresolved

TEXT = "Rivers freeze from the top. 河流从表面开始结冰。 See [12] for more."


def passage(text: str = TEXT, start: int = 100) -> Passage:
    return Passage(id="p1", document_id="d1", title="Ice", source="ice.md", text=text, start=start, score=1.0)


def cite(quote: str = "Rivers freeze from the top.", **changed: Any) -> Citation:
    start = 100 + TEXT.find(quote)
    whole = {
        "marker": 1,
        "passage_id": "p1",
        "document_id": "d1",
        "title": "Ice",
        "source": "ice.md",
        "start": start,
        "end": start + len(quote),
        "quote": quote,
    }
    return cast(Citation, whole | changed)


def test_a_citation_that_stands_in_its_passage_resolves() -> None:
    assert unresolved(cite(), passage()) == ""
    assert unresolved(cite("河流从表面开始结冰。"), passage()) == ""


def test_an_answer_that_cites_passes() -> None:
    assert Citations().check("They freeze from the top. [1]", [cite()]).action == "allow"


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"start": 101, "end": 128}, "does not stand at its place"),
        ({"start": 0, "end": 27}, "does not stand at its place"),
        ({"end": 126}, "does not stand at its place"),
        ({"quote": "Rivers freeze from the bottom."}, "does not stand at its place"),
        ({"quote": " ", "start": 106, "end": 107}, "quotes nothing"),
        ({"passage_id": "p2"}, "was not retrieved"),
        ({"document_id": "d2"}, "another document"),
    ],
)
def test_a_citation_that_does_not_stand_in_its_passage_is_found_out(changed: dict[str, Any], problem: str) -> None:
    citation = cite(**changed)
    assert problem in unresolved(citation, {"p1": passage()}.get(citation["passage_id"]))


def test_markers_and_citations_match_both_ways() -> None:
    assert citation_problems("A. [1] B. [2]", [cite()]) == ["The marker [2] has no citation."]
    assert citation_problems("A.", [cite()]) == ["Citation [1] is not in the text."]
    assert citation_problems("A. [1]", [cite(), cite()]) == ["Two citations are numbered [1]."]
    assert Citations().check("A.", [cite()]).blocked


def test_brackets_inside_a_quote_are_no_markers() -> None:
    quote = "See [12] for more."
    assert citation_problems(f"{quote} [1]", [cite(quote)]) == []


def test_brackets_in_the_users_own_words_are_no_markers() -> None:
    assert citation_problems("So. [1]\n\nNot answered: and [7]?", [cite()], own=["and [7]?"]) == []


def test_an_answer_without_a_citation_is_blocked() -> None:
    assert Citations().check("It is 42.", []).blocked


def test_the_refusal_speaks_the_language_of_the_answer() -> None:
    assert Citations().check("It is so.", []).reason.isascii()
    assert "资料" in Citations().check("是这样。", []).reason


@given(st.text(min_size=1), st.data())
def test_every_true_span_of_any_passage_resolves(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    offset = data.draw(st.integers(0, 1000))
    citation = cite(quote=text[start:end], start=offset + start, end=offset + end)
    assert unresolved(citation, passage(text, offset)) == ("" if text[start:end].strip() else "quotes nothing")
