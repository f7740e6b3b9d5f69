"""The router's eval: order inside a source, accuracy by the decision itself, and what escalation mends."""

from typing import Any

import numpy as np
import pytest

from twintrack.core.errors import DocumentError
from twintrack.core.passages import Passage
from twintrack.core.tuning import shipped_tuning
from twintrack.evals import escalation, router
from twintrack.evals.escalation import Asked
from twintrack.nodes.complexity import LearntRouter, Thresholds

SIMPLE = ["Who is Ada?", "Where is Rome?", "What is a bond?", "When did it end?"]
COMPLEX = [
    "Compare Rome and Oslo, then say why.",
    "Who is older, Ada or Ben?",
    "Find the fee and then double it.",
    "Which of both cities is larger, and why?",
]


class Letters:
    """Embeds by the first signs, so that nothing has to be loaded."""

    name, dims = "test:letters", 4

    async def embed(self, texts: Any) -> Any:
        return np.array([[float(ord(sign)) / 1000 for sign in f"{text}    "[:4]] for text in texts], np.float32)

    async def embed_one(self, text: str) -> Any:
        return (await self.embed([text]))[0]


def rows_of(*sources: str, times: int = 25) -> list[dict[str, Any]]:
    both = [(text, "simple") for text in SIMPLE] + [(text, "complex") for text in COMPLEX]
    return [{"text": text, "label": label, "source": source} for source in sources for text, label in both * times]


async def test_a_source_is_judged_by_weights_learnt_from_the_others() -> None:
    rows = rows_of("a", "b")
    found = await router.read(rows, Letters())
    figures = router.judge_left_out(rows, found).figures
    assert figures["auroc_by_source"] == {"a": 1.0, "b": 1.0}
    assert figures["judged_sources"] == ["a", "b"]
    assert figures["auroc_worst_source"] == figures["auroc_mean"] == 1.0


async def test_only_sources_with_enough_rows_of_both_labels_count_in_the_mean() -> None:
    rows = rows_of("big") + rows_of("small", times=2) + [{"text": "Who?", "label": "simple", "source": "one label"}]
    found = await router.read(rows, Letters())
    judged = await router.judge_shipped(rows, found, LearntRouter.of(shipped_tuning()))
    assert judged.figures["judged_sources"] == ["big"]
    assert set(judged.figures["auroc_by_source"]) == {"big", "small"}
    assert judged.figures["accuracy_by_source"]["one label"] == 1.0
    assert {one.text for one in judged.asked if one.direct} >= set(SIMPLE)


async def test_one_source_alone_cannot_be_left_out() -> None:
    rows = rows_of("a")
    with pytest.raises(DocumentError, match="one source"):
        router.judge_left_out(rows, await router.read(rows, Letters()))


class Shelf:
    """Holds one passage."""

    async def search(self, question: str, vector: Any, *, identity: Any, limit: Any = None) -> list[Passage]:
        text = "Ada Lovelace was born in London in 1815."
        return [Passage(id="p", document_id="d", title="Ada", source="d.md", text=text, start=0, score=1.0)]


async def test_weak_evidence_sends_a_wrongly_direct_question_on_and_strong_evidence_does_not() -> None:
    asked = [
        Asked("Which river crosses the capital of the country that Bolivar freed?", "a", is_complex=True, direct=True),
        Asked("Which bridge spans the river that crosses the capital of Peru?", "a", is_complex=True, direct=False),
        Asked("Where was Ada Lovelace born?", "a", is_complex=False, direct=True),
    ]
    shelf: Any = Shelf()
    figures = await escalation.run(shelf, Letters(), asked, weak=0.35, identity=None)  # type: ignore[arg-type]
    assert (figures["repairs"], figures["needless"], figures["judged"]) == (1.0, 0.0, 3)
    assert (figures["wrongly_direct"], figures["complex"], figures["complex_sent_on"]) == (1, 2, 1.0)
    assert figures["by_source"]["a"] == {key: figures[key] for key in figures["by_source"]["a"]}
    held = await escalation.run(shelf, Letters(), asked, weak=0.0, identity=None)  # type: ignore[arg-type]
    assert held["needless"] == 0.0


async def test_how_freely_is_learnt_is_chosen_on_the_other_sources_too() -> None:
    rows = rows_of("a", "b", "c")
    figures = router.judge_nested(rows, await router.read(rows, Letters()))
    assert figures["auroc_by_source"] == {"a": 1.0, "b": 1.0, "c": 1.0}
    assert set(figures["chosen"]) == {"a", "b", "c"}


async def test_a_source_left_out_is_judged_at_the_shipped_threshold_too() -> None:
    rows = rows_of("a", "b")
    found = await router.read(rows, Letters())
    strict = router.judge_left_out(rows, found, shipped=Thresholds(0.0, 0.0)).figures["accuracy_by_source"]
    assert strict == {"a": 0.5, "b": 0.5}
    assert router.judge_left_out(rows, found).figures["accuracy_by_source"] == {"a": 1.0, "b": 1.0}
