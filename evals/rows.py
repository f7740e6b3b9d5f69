"""Reads the rows an eval is judged on."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twintrack.core.errors import DocumentError

Row = dict[str, Any]
Tick = Callable[[int, int, str], None]
"""Told how far a long work is: done, of how many, and at what."""


def read_rows(path: Path, *, limit: int | None = None, seed: int = 0) -> list[Row]:
    """Return the rows of a JSON-lines file, or `limit` of them chosen by `seed`.

    Raises:
        DocumentError: the file is absent, or a line of it is no JSON object.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DocumentError(f"{path}: cannot be read ({error}).", fix="name a JSON-lines file") from error
    rows = [_row(path, number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    if not rows:
        raise DocumentError(f"{path}: the file has no rows.", fix="name a JSON-lines file that has some")
    if limit is not None and limit < len(rows):
        rows = random.Random(seed).sample(rows, limit)
    return rows


def _row(path: Path, number: int, line: str) -> Row:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise DocumentError(f"{path}: line {number} is not JSON.", fix="write one JSON object per line") from error
    if not isinstance(row, dict):
        raise DocumentError(f"{path}: line {number} is not a JSON object.", fix="write one JSON object per line")
    return row


def question_of(row: Row) -> str:
    """Return what is asked: a question, or a user's instructions."""
    scenario = row.get("user_scenario")
    instructions = scenario.get("instructions") if isinstance(scenario, dict) else None
    found = row.get("question") or row.get("query") or instructions or row.get("user_instructions")
    return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False) if found else ""


def gold_documents(row: Row) -> set[str]:
    """Return the ids of the documents that hold the answer."""
    if many := row.get("required_documents") or row.get("pids"):
        return {str(one) for one in many}
    one = row.get("pid") or row.get("document_id")
    return {str(one)} if one else set()
