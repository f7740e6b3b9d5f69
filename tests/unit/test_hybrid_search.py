"""A search is held to its tags, carries no syntax of the user's, and reads both protocols."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twintrack.core.hybrid import HybridSearch, mix, tags
from twintrack.core.search_replies import parse, scores


def commands(words: list[str]) -> list[tuple[object, ...]]:
    search = HybridSearch(
        index="ix",
        words=words,
        vector=np.ones(2, np.float32),
        filters={"user": "ann"},
        fields=["data"],
        vector_weight=0.5,
    )
    return [search.by_vector(np.ones(2, np.float32)), *search.by_words()]


@given(st.text(alphabet="()|@{}*~-\"'\\ $%:=>[]", min_size=1))
def test_a_word_that_is_not_one_never_reaches_the_parser(hostile: str) -> None:
    assert len(commands([hostile])) == 1
    assert commands([hostile, "plain"])[1] == commands(["plain"])[1]


@pytest.mark.parametrize("filters", [{}, {"user": ""}, {"tenant": "acme", "user": ""}])
def test_a_search_without_a_wall_is_refused(filters: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="tag"):
        tags(filters)


def test_each_sign_of_a_tag_is_taken_literally() -> None:
    assert tags({"user": "a|b*"}) == r"@user:{a\|b\*}"


def test_a_reply_reads_the_same_in_both_protocols() -> None:
    old = [1, b"k", b"1.5", [b"data", b"x"]]
    new = {b"results": [{b"id": b"k", b"score": 1.5, b"extra_attributes": {b"data": b"x"}}]}
    assert parse(old) == parse(new) == [("k", 1.5, {"data": "x"})]
    assert parse([0]) == parse({b"results": []}) == []
    bare = {b"results": [{b"id": b"k", b"score": 1.5}, {b"id": b"m", b"score": 1.0}]}
    assert scores([2, b"k", b"1.5", b"m", b"1"]) == scores(bare) == {"k": 1.5, "m": 1.0}
    assert scores([0]) == scores({b"results": []}) == {}
    assert scores([1, b"k", b"inf"]) == scores([1, "k", "inf"]) == {"k": float("inf")}


def test_a_record_that_runs_out_while_it_is_found_comes_without_fields() -> None:
    new = {b"results": [{b"id": b"k", b"score": 0.0, b"extra_attributes": None}]}
    assert parse([1, b"k", None]) == parse(new) == [("k", 0.0, {})]


def test_the_weight_decides_between_meaning_and_words() -> None:
    near, text = {"a": 0.9, "b": 0.1}, {"b": 3.0}
    fields: dict[str, dict[bytes, bytes]] = {"a": {}, "b": {}}
    assert [row.key for row in mix(near, text, fields, vector_weight=0.9)] == ["a", "b"]
    assert [row.key for row in mix(near, text, fields, vector_weight=0.1)] == ["b", "a"]
    assert mix({}, {}, {}, vector_weight=0.5) == []


@pytest.mark.parametrize(
    "near",
    [
        [2, b"a", [b"distance", b"0.25", b"data", b"x"], b"gone", None],
        {
            b"results": [
                {b"id": b"a", b"extra_attributes": {b"distance": b"0.25", b"data": b"x"}},
                {b"id": b"gone", b"extra_attributes": None},
            ]
        },
        {b"results": [{b"id": "a", b"extra_attributes": {"distance": "0.25", "data": "x"}}]},
    ],
)
def test_what_a_search_brings_is_the_same_in_both_protocols_and_already_decoded(near: object) -> None:
    search = HybridSearch(
        index="ix", words=(), vector=np.ones(2, np.float32), filters={"user": "ann"}, fields=["data"], vector_weight=1
    )
    rows = [row for row in search.read([near]) if row.fields]
    assert [(row.key, row.similarity, row.fields[b"data"]) for row in rows] == [("a", 0.75, b"x")]
