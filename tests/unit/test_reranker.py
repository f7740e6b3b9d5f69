"""A passage is placed by its best part and the question's pairs; a long text's findings stay as they were searched."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from twintrack.core.query_words import asked_stems
from twintrack.core.reranker import BestPart, Candidate, likeness, packed

QUESTION = np.array([1.0, 0.0], np.float32)


def candidate(score: float, windows: list[list[float]], words: str = "") -> Candidate:
    parts = packed(np.array(windows, np.float32).reshape(-1, 2)) if windows else None
    return Candidate(score=score, text="", words=words, windows=parts)


async def order(question: str, *candidates: Candidate) -> list[int]:
    scores = await BestPart().scores(question, QUESTION, candidates)
    return [int(place) for place in np.argsort([-score for score in scores])]


async def test_one_part_that_answers_beats_two_that_nearly_do() -> None:
    even, best = candidate(0.1, [[0.6, 0.8], [0.6, 0.8]]), candidate(0.0, [[0.0, 1.0], [1.0, 0.0]])
    assert await order("what?", even, best) == [1, 0]


async def test_a_pair_of_the_question_counts_more_than_its_words_apart() -> None:
    apart, together = candidate(0.1, [], "fee the blue account month"), candidate(0.0, [], "the month fee of it")
    assert await order("What is the monthly monthly month fee?", apart, together) == [1, 0]


async def test_what_a_long_text_found_keeps_its_order() -> None:
    assert await order(
        "long " * BestPart().long_text_chars, candidate(0.1, [[0.0, 1.0]]), candidate(0.0, [[1.0, 0.0]])
    ) == [0, 1]


async def test_nothing_found_is_nothing_placed() -> None:
    assert await BestPart().scores("what?", QUESTION, []) == []


ROWS = st.lists(st.lists(st.floats(-1, 1, width=32), min_size=3, max_size=3), max_size=5)


@given(st.lists(ROWS | st.none(), max_size=4))
def test_packed_vectors_are_nearly_as_like_and_belong_to_whom_they_did(
    passages: list[list[list[float]] | None],
) -> None:
    stored = [None if rows is None else np.array(rows, np.float32).reshape(-1, 3) for rows in passages]
    vector = np.array([0.5, -1.0, 0.25], np.float32)
    found = likeness([None if vectors is None else packed(vectors) for vectors in stored], vector)
    for vectors, near in zip(stored, found, strict=True):
        assert len(near) == (0 if vectors is None else len(vectors))
        if vectors is not None and vectors.size:
            assert np.abs(np.array(near) - vectors @ vector).max() <= 2 * max(np.abs(vectors).max() / 127, 1e-8)


def test_a_word_said_twice_is_looked_up_twice_and_by_its_stem() -> None:
    assert asked_stems("Which fees are fees of the monthly account?") == ["fee", "fee", "monthly", "account"]
