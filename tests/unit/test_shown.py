"""What a model is shown of the passages fits its room, in whole sentences, and its citations still resolve."""

from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from twintrack.core.passages import Passage
from twintrack.core.token_count import estimated_tokens
from twintrack.core.tokens import sentences
from twintrack.nodes.answer import cited
from twintrack.nodes.prompts import answer_prompt
from twintrack.nodes.shown import FRAME_TOKENS, GAP, shown
from twintrack.nodes.state import DirectState

FILLER = "Gulls are loud in spring. Boats are painted in autumn. Ropes are kept dry. "
LIGHT = "The lighthouse of the harbour is 38 metres tall."
CHINESE = "港口的灯塔高三十八米。"
PIECES = st.sampled_from(
    [FILLER, LIGHT + " ", CHINESE, "海鸥在春天很吵。船在秋天上漆。", "\n\n# Ropes\n", "```\nx = 1\n```\n", "a" * 90]
)
TEXTS = st.lists(st.lists(PIECES, min_size=1, max_size=8).map("".join), min_size=1, max_size=6)


def passage(text: str, number: int = 0) -> Passage:
    return Passage(
        id=f"p{number}", document_id="d", title="Harbour", source="s", text=text, start=100 * number, score=1.0
    )


def passages(texts: list[str]) -> list[Passage]:
    return [passage(text, number) for number, text in enumerate(texts)]


@given(texts=TEXTS, room=st.integers(0, 400), question=st.sampled_from(["How tall is the lighthouse?", "灯塔有多高？"]))
def test_it_fits_and_every_sentence_shown_is_whole_and_in_its_place(texts: list[str], room: int, question: str) -> None:
    found = shown(question, passages(texts), room)
    assert len(found) == len(texts)
    framed = [estimated_tokens(text) + FRAME_TOKENS + estimated_tokens("Harbour") for text in found if text]
    assert sum(framed) <= room
    for text, whole in zip(found, texts, strict=True):
        known = [span.text for span in sentences(whole)]
        for piece in filter(None, text.split(GAP)):
            assert text == whole or any(
                piece == " ".join(known[i:j]) for i in range(len(known)) for j in range(i + 1, len(known) + 1)
            )


def test_what_fits_is_shown_as_it_is_stored() -> None:
    texts = [f"{FILLER}\n\n  {LIGHT}", CHINESE]
    assert shown("How tall?", passages(texts), 6000) == texts


def test_the_sentence_that_answers_goes_before_better_ranked_ones() -> None:
    texts = [FILLER * 5, FILLER * 5 + LIGHT + " " + FILLER]
    found = shown("How tall is the lighthouse of the harbour?", passages(texts), 60)
    assert LIGHT in found[1]
    assert "38 metres" in answer_prompt(_asked("How tall is the lighthouse of the harbour?", texts), 60)


def test_a_chinese_sentence_that_answers_is_kept_too() -> None:
    texts = ["海鸥在春天很吵。船在秋天上漆。" * 20 + CHINESE]
    [found] = shown("港口的灯塔有多高？", passages(texts), 60)
    assert CHINESE in found


def test_a_passage_left_out_leaves_its_number_free_and_citations_resolve() -> None:
    texts = [FILLER * 5, FILLER * 5 + LIGHT]
    question = "How tall is the lighthouse of the harbour?"
    state = _asked(question, texts)
    prompt = answer_prompt(state, 45)
    assert "[2]\n" in prompt
    assert "[1]\n" not in prompt
    draft = cited(question, "The lighthouse of the harbour is 38 metres tall [2].", state["passages"])
    [citation] = draft["citations"]
    assert citation["passage_id"] == "p1"
    start = citation["start"] - state["passages"][1]["start"]
    assert texts[1][start : start + len(citation["quote"])] == citation["quote"] == LIGHT


def _asked(question: str, texts: list[str]) -> DirectState:
    state: Any = {"messages": [], "question": question, "query": question, "passages": passages(texts)}
    return cast(DirectState, state)
