"""Answers are scored as the reading-comprehension sets do, in both languages."""

import pytest

from twintrack.app.answer import Answer, Cited
from twintrack.core.passages import Passage
from twintrack.evals.answer_scores import class_f1, exact, f1, holds
from twintrack.evals.answers import Outcome, figures, resolves

QUOTE = "The fee is $15."
PASSAGE = Passage(id="p-0", document_id="d", title="T", source="s", text="Hello. The fee is $15.", start=100, score=0.5)
CITED = Cited(marker=1, passage_id="p-0", document_id="d", title="T", source="s", start=107, end=122, quote=QUOTE)


def test_articles_case_punctuation_and_marks_do_not_count() -> None:
    assert exact("The Rhine. [1]", ["rhine"]) == 1
    assert f1("in the North Sea [2]", ["North Sea"]) == pytest.approx(0.8)
    assert f1("三茂铁路公司", ["三茂铁路"]) == pytest.approx(0.8)
    assert f1("nothing", ["Rhine"]) == 0


def test_an_answer_is_held_as_it_stands_or_as_whole_words() -> None:
    assert holds("全长364.6公里。", ["364.6公里"])
    assert holds("It was 5,500,000 square km.", ["5500 000", "5 500 000"])
    assert not holds("The art of war", ["Arthur"])
    assert not holds("anything", [""])


def test_abstaining_is_scored_as_a_class() -> None:
    assert class_f1([True, False, True], [True, False, False]) == pytest.approx(2 / 3)
    assert class_f1([False], [False]) == 1


@pytest.mark.parametrize(
    "broken", [{"start": 106}, {"end": 121}, {"quote": "The fee is $16."}, {"document_id": "other"}, {"quote": ""}]
)
def test_a_citation_resolves_only_at_its_very_place(broken: dict[str, object]) -> None:
    assert resolves(CITED, PASSAGE)
    assert not resolves(CITED.model_copy(update=broken), PASSAGE)
    assert not resolves(CITED, None)


def test_figures_count_what_is_right_cited_and_withheld() -> None:
    answered = Answer(status="answered", text=f"{QUOTE} [1]", citations=[CITED])
    withheld = Answer(status="abstained", text="I did not find it.")
    outcomes = [
        Outcome({"pid": "d", "answers": ["$15"]}, answered, [PASSAGE], 10.0),
        Outcome({"pid": "x", "answers": ["$99"]}, answered, [None], 20.0),
        Outcome({"pid": "d", "answers": [], "unanswerable": True}, withheld, [], 30.0),
    ]
    found = figures(outcomes)
    assert found["holds_answer"] == 0.5
    assert found["citation_precision"] == 0.5
    assert found["citation_recall"] == 0.5
    assert found["citations_resolve"] == 0.5
    assert found["abstention_f1"] == 1
    assert found["answer_ms"]["p50"] == 20
    assert found["exact_match"] == pytest.approx(1 / 3, abs=1e-4)
