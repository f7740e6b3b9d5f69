"""The eval commands on small files of one's own: every key is there, and a bad file is one line."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.commands import assert_one_line, run

TOWNS = ("Lindwick", "Arbourne", "Vester", "Holm", "Brackwater", "Ketterby", "Orlo", "Dunmore")


def lines(file: Path, rows: list[dict[str, Any]]) -> Path:
    file.write_text("\n\n".join(json.dumps(row) for row in rows) + "\n", encoding="utf-8")
    return file


@pytest.fixture
def small(tmp_path: Path) -> tuple[str, ...]:
    """Write eight passages and their questions; return the options that name them."""
    heights = {town: str(31 + 7 * number) for number, town in enumerate(TOWNS)}
    passages = [
        {"text": f"The lighthouse of {town} is {metres} metres tall. Its keeper likes tea.", "title": town, "pid": town}
        for town, metres in heights.items()
    ]
    asked: list[dict[str, Any]] = [
        {"pid": town, "question": f"How tall is the lighthouse of {town}?", "answers": [f"{metres} metres"]}
        for town, metres in heights.items()
    ]
    asked.append({"pid": "Holm", "question": "Who built the opera of Vienna?", "answers": [], "unanswerable": True})
    data = lines(tmp_path / "asked.jsonl", asked)
    return ("--passages", str(lines(tmp_path / "passages.jsonl", passages)), "--data", str(data))


def figures_of(folder: Path, url: str, *arguments: str, **settings: str) -> dict[str, Any]:
    done = run(folder, url, "eval", *arguments, "--json", **settings)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_retrieval_tells_how_high_the_right_document_stands(clean: str, tmp_path: Path, small: tuple[str, ...]) -> None:
    figures = figures_of(tmp_path, clean, "retrieval", *small)
    assert figures["questions"] == len(TOWNS)
    assert figures["hit@1"] == figures["hit@5"] == figures["hit@10"] == figures["recall@10"] == figures["mrr"] == 1.0


def test_answers_tell_every_key_through_the_command(clean: str, tmp_path: Path, small: tuple[str, ...]) -> None:
    figures = figures_of(tmp_path, clean, "answers", *small, "--limit", "3", "--seed", "1")
    assert figures["questions"] == 3
    keys = {"exact_match", "f1", "citation_precision", "citation_recall", "citations_resolve", "abstention_f1"}
    assert keys | {"holds_answer"} <= set(figures)
    assert figures["citations_resolve"] == 1.0
    assert figures["answer_ms"]["p50"] > 0


@pytest.mark.parametrize("name", ["answers", "retrieval", "tune"])
def test_a_file_of_no_passages_is_one_line(clean: str, tmp_path: Path, small: tuple[str, ...], name: str) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.write_text("\n\n")
    assert_one_line(run(tmp_path, clean, "eval", name, "--passages", str(empty), *small[2:]), "empty.jsonl", "no rows")
    assert_one_line(run(tmp_path, clean, "ingest", str(empty)), "empty.jsonl", "no rows")


def test_passages_that_cannot_be_read_are_told_and_the_others_judged(
    clean: str, tmp_path: Path, small: tuple[str, ...]
) -> None:
    passages = Path(small[1])
    passages.write_text(passages.read_text() + '{"pid": "blank", "text": ""}\n')
    done = run(tmp_path, clean, "eval", "retrieval", *small, "--json")
    assert json.loads(done.stdout)["hit@1"] == 1.0
    assert "line 16 has no text" in done.stderr


def test_questions_that_name_no_document_cannot_judge_retrieval(
    clean: str, tmp_path: Path, small: tuple[str, ...]
) -> None:
    data = lines(tmp_path / "none.jsonl", [{"question": "Who?"}])
    assert_one_line(run(tmp_path, clean, "eval", "retrieval", *small[:3], str(data)), "No row names", "pid")
