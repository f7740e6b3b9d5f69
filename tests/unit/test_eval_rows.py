"""Rows of other files in the same form are read too; one that cannot be used is named with its line and what it lacks."""

import json
from pathlib import Path
from typing import Any

import pytest

from twintrack.core.errors import DocumentError
from twintrack.evals.row_checks import asks, asks_memory, has_hops, is_judged, is_routed, is_turn, says
from twintrack.evals.rows import gold_answers, gold_documents, is_unanswerable, read_rows, source_of


def test_blank_lines_a_byte_order_mark_and_windows_line_ends_are_no_rows(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_bytes(b'\xef\xbb\xbf{"question": "Who?"}\r\n\r\n  \n{"query": "Where?"}\r\n')
    assert len(read_rows(file, check=asks)) == 2


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (['{"question": "Who?"}', "", '{"pid": "a"}'], 'line 3 lacks a "question"'),
        (['{"question": "Who?"}', "[1]"], "line 2 is not a JSON object"),
        (['{"question": "Who?"}', "{"], "line 2 is not JSON"),
        (["", " "], "has no rows"),
    ],
)
def test_a_bad_row_is_named_by_file_and_line(tmp_path: Path, lines: list[str], told: str) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(lines))
    with pytest.raises(DocumentError, match=told) as raised:
        read_rows(file, check=asks)
    assert "rows.jsonl" in str(raised.value)


@pytest.mark.parametrize(
    ("check", "row", "lacks"),
    [
        (is_routed, {"text": "Who?", "label": "easy"}, "label"),
        (is_routed, {"label": "simple"}, '"text"'),
        (is_routed, {"text": "Who?", "label": "simple"}, ""),
        (is_judged, {"text": "Who?"}, '"label"'),
        (is_judged, {"text": "", "label": 0}, ""),
        (is_turn, {"conv": "a", "text": "Hello"}, '"dia_id"'),
        (asks_memory, {"question": "Who?", "evidence": ["D1:1"]}, '"conv"'),
        (asks_memory, {"preference": "tea", "question": "What?"}, ""),
        (has_hops, {"question": "Who?", "paragraphs": [{"idx": 0}]}, "question_decomposition"),
        (
            has_hops,
            {"question": "Who?", "paragraphs": [{}], "question_decomposition": [{"paragraph_support_idx": 1}]},
            "the paragraph",
        ),
        (
            has_hops,
            {"question": "Who?", "paragraphs": [{}], "question_decomposition": [{"paragraph_support_idx": 0}]},
            "",
        ),
        (says, {"text": "Who?"}, ""),
    ],
)
def test_each_eval_says_what_its_row_lacks(check: Any, row: dict[str, Any], lacks: str) -> None:
    told = check(row)
    assert lacks in told
    assert bool(told) == bool(lacks)


def test_public_sets_may_name_their_fields_otherwise() -> None:
    assert gold_answers({"answers": {"text": ["41 m"]}}) == gold_answers({"answer": "41 m"}) == ["41 m"]
    assert gold_answers({"answer": 41, "answer_aliases": ["forty-one"]}) == ["41", "forty-one"]
    assert gold_documents({"required_documents": "a"}) == gold_documents({"pids": ["a"]}) == {"a"}
    assert source_of({}) == "unnamed"


@pytest.mark.parametrize(
    ("row", "unanswerable"),
    [
        ({"answers": ["a"]}, False),
        ({"answers": []}, True),
        ({"answers": ["a"], "unanswerable": True}, True),
        ({"is_impossible": True}, True),
        ({"answerable": False}, True),
        ({"answers": [], "unanswerable": False}, False),
        ({}, False),
    ],
)
def test_a_row_without_answers_is_unanswerable_unless_it_says_otherwise(row: Any, unanswerable: bool) -> None:
    assert is_unanswerable(row) == unanswerable


def test_the_same_rows_are_chosen_by_the_same_seed(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(json.dumps({"question": str(number)}) for number in range(50)))
    assert read_rows(file, limit=5, seed=3) == read_rows(file, limit=5, seed=3) != read_rows(file, limit=5, seed=4)
