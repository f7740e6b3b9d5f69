"""Reads the rows an eval is judged on, under the names that public sets give their fields."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twintrack.core.errors import DocumentError

Row = dict[str, Any]
Tick = Callable[[int, int, str], None]
"""Told how far a long work is: done, of how many, and at what."""
Check = Callable[[Row], str]
"""Says what a row lacks, or nothing."""


def read_rows(path: Path, *, limit: int | None = None, seed: int = 0, check: Check = lambda _: "") -> list[Row]:
    """Return the rows of a JSON-lines file, or `limit` of them chosen by `seed`; blank lines are passed over.

    Raises:
        DocumentError: the file is absent, a line of it is no JSON object, or `check` finds that one lacks something.
    """
    rows = [_row(path, number, line, check) for number, line in lines_of(path)]
    if not rows:
        raise DocumentError(f"{path}: the file has no rows.", fix="name a JSON-lines file that has some")
    if limit is not None and limit < len(rows):
        rows = random.Random(seed).sample(rows, limit)
    return rows


def lines_of(path: Path) -> list[tuple[int, str]]:
    """Return the lines of a file that hold something, with their numbers.

    Raises:
        DocumentError: the file is absent or no text.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DocumentError(f"{path}: cannot be read ({error}).", fix="name a JSON-lines file") from error
    return [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]


def _row(path: Path, number: int, line: str, check: Check) -> Row:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise DocumentError(f"{path}: line {number} is not JSON.", fix="write one JSON object per line") from error
    if not isinstance(row, dict):
        raise DocumentError(f"{path}: line {number} is not a JSON object.", fix="write one JSON object per line")
    if lacking := check(row):
        raise DocumentError(f"{path}: line {number} lacks {lacking}.", fix="give it to the row, or take the row out")
    return row


def question_of(row: Row) -> str:
    """Return what is asked: a question, or a user's instructions."""
    scenario = row.get("user_scenario")
    instructions = scenario.get("instructions") if isinstance(scenario, dict) else None
    found = row.get("question") or row.get("query") or instructions or row.get("user_instructions")
    return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False) if found else ""


def source_of(row: Row) -> str:
    """Return where a row comes from."""
    return str(row.get("source") or "unnamed")


def gold_documents(row: Row) -> set[str]:
    """Return the ids of the documents that hold the answer."""
    return set(_texts(_first(row, "required_documents", "pids", "gold_documents", "pid", "document_id", "doc_id")))


def gold_answers(row: Row) -> list[str]:
    """Return the answers that are right."""
    found = _first(row, "answers", "answer")
    return [*_texts(found.get("text") if isinstance(found, dict) else found), *_texts(row.get("answer_aliases"))]


def is_unanswerable(row: Row) -> bool:
    """Tell whether the documents hold no answer: the row says so, or its list of answers is there and empty."""
    for name, meaning in (("unanswerable", True), ("is_impossible", True), ("answerable", False)):
        if row.get(name) is not None:
            return bool(row[name]) == meaning
    return "answers" in row and not gold_answers(row)


def _first(row: Row, *names: str) -> Any:
    return next((row[name] for name in names if row.get(name) not in (None, "", [])), None)


def _texts(value: Any) -> list[str]:
    values = value if isinstance(value, list | tuple) else [] if value is None else [value]
    return [str(one) for one in values if one not in (None, "")]
