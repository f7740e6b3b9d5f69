"""Finds documents together with questions that they answer, so that escalation is judged where an answer is at hand."""

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from twintrack.core.errors import DocumentError
from twintrack.evals.multihop import document_id, text_of
from twintrack.evals.rows import Row, gold_documents, is_unanswerable, question_of, read_rows

_OWN = ("paragraphs", "passages", "contexts", "context")
"""Fields under which a row brings its own documents."""
_SEVERAL = 2
"""Documents from which an answer that rests on them is more than one look-up."""


@dataclass(slots=True)
class Known:
    """Documents by id, the questions that they answer, and the files that they are from."""

    documents: dict[str, Row] = field(default_factory=dict)
    questions: dict[str, bool] = field(default_factory=dict)
    """Whether the answer rests on several documents, by the question."""
    files: list[Path] = field(default_factory=list)

    def write(self, file: Path) -> None:
        """Write the documents as one corpus."""
        lines = (json.dumps({"id": name, **row}, ensure_ascii=False) for name, row in self.documents.items())
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def beside(file: Path) -> list[Path]:
    """Return a file, those in its folder and those in the folders next to it."""
    folder = file.absolute().parent
    return list(
        dict.fromkeys([file.absolute(), *sorted(folder.glob("*.jsonl")), *sorted(folder.parent.glob("*/*.jsonl"))])
    )


def known_in(files: Iterable[Path]) -> Known:
    """Gather what the files hold; files of other things are passed over."""
    known = Known()
    asked: list[Row] = []
    for file in files:
        rows = _rows(file)
        if not rows:
            continue
        before = len(known.documents), len(asked)
        for row in rows:
            _take(known, asked, row)
        if before != (len(known.documents), len(asked)):
            known.files.append(file)
    for row in asked:
        gold = gold_documents(row)
        if gold <= known.documents.keys():
            known.questions.setdefault(question_of(row).strip(), len(gold) >= _SEVERAL)
    return known


def _rows(file: Path) -> Sequence[Row]:
    """Return the rows of a file of documents, or of questions about some; its first row tells."""
    with suppress(DocumentError, ValueError, OSError):
        with file.open(encoding="utf-8-sig") as lines:
            first = json.loads(next((line for line in lines if line.strip()), "null"))
        if isinstance(first, dict) and (_own(first) or _is_document(first) or gold_documents(first)):
            return read_rows(file)
    return []


def _names_documents(row: Row) -> bool:
    return bool(question_of(row)) and bool(gold_documents(row)) and not is_unanswerable(row)


def _take(known: Known, asked: list[Row], row: Row) -> None:
    if own := _own(row):
        documents = {document_id(one): _document(one) for one in own if text_of(one)}
        known.documents |= documents
        question = (question_of(row) or str(row.get("text") or "")).strip()
        supports = sum(bool(one.get("is_supporting")) for one in own)
        known.questions.setdefault(question, row.get("label") == "complex" or supports >= _SEVERAL)
    elif _is_document(row):
        known.documents[_id(row)] = _document(row)
    elif _names_documents(row):
        asked.append(row)


def _own(row: Row) -> list[dict[str, Any]]:
    """Return the documents that a row brings itself."""
    found: Any = next((row[name] for name in _OWN if row.get(name)), [])
    several = found if isinstance(found, list) else [found]
    return [one if isinstance(one, dict) else {"text": str(one)} for one in several] if _asks(row) else []


def _asks(row: Row) -> bool:
    return bool(question_of(row)) or "label" in row


def _is_document(row: Row) -> bool:
    return bool(_id(row)) and bool(row.get("text") or row.get("content")) and not _asks(row)


def _id(row: Row) -> str:
    return str(row.get("pid") or row.get("id") or row.get("doc_id") or "")


def _document(row: Row) -> Row:
    return {"title": str(row.get("title") or ""), "text": text_of(row)}
