"""Reads files as documents: text, Markdown, HTML, PDF, Word, CSV, JSON lines and code."""

import json
import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from io import StringIO
from itertools import zip_longest
from pathlib import Path
from typing import Any

from twintrack.core.encodings import Reading, decoded, is_marked
from twintrack.core.errors import DocumentError

_HTML = frozenset({".html", ".htm", ".xhtml"})
_ROWS = frozenset({".jsonl", ".ndjson"})
_BLOCKS = re.compile(
    "^(p|div|section|article|main|header|footer|aside|details|summary|address|blockquote|pre|h[1-6]"
    "|ul|ol|li|dl|dd|table|tr|caption|figcaption)$"
)
"""What stands apart from what is around it."""
_NO_HANDLER = logging.NullHandler()


@dataclass(frozen=True, slots=True)
class Document:
    """One text to be found and cited."""

    id: str
    title: str
    text: str
    source: str
    """File it was read from, as an absolute path."""
    guessed: str = ""
    """Encoding that its bytes made likely, where the file tells none."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why something could not be read, and what to do."""

    source: str
    problem: str
    fix: str


def read_documents(file: Path, *, max_bytes: int) -> Iterator[Document | Failure]:
    """Yield the documents in one file, or why they cannot be read: one, or one per row for JSON lines."""
    source = file.resolve().as_posix()
    try:
        _check_size(file, max_bytes)
        if file.suffix.lower() in _ROWS:
            yield from _rows(file, source)
        else:
            yield _one(file, source)
    except DocumentError as error:
        yield Failure(source, error.problem, error.fix)
    except OSError as error:
        yield Failure(source, f"{file}: {error.strerror or error}.", "check the file and its permissions")


def _check_size(file: Path, max_bytes: int) -> None:
    if (size := file.stat().st_size) > max_bytes:
        raise DocumentError(
            f"{file}: {size / 1e6:.1f} MB is above the limit of {max_bytes / 1e6:.1f} MB.",
            fix="split the file, or raise TWINTRACK_RETRIEVAL__MAX_FILE_MB",
        )


def _one(file: Path, source: str) -> Document:
    suffix = file.suffix.lower()
    reader = {".pdf": _pdf, ".docx": _docx, ".csv": _table, ".tsv": _table}.get(suffix)
    reader = reader or (_html if suffix in _HTML else _plain)
    title, reading = _parsed(reader, file)
    text = reading.text.replace("\r\n", "\n").replace("\x00", "")
    if not text.strip():
        fix = "scanned pages need OCR first" if suffix == ".pdf" else "it is empty: write into it, or leave it out"
        raise DocumentError(f"{file}: no text was found in it.", fix=fix)
    return Document(source, title or _first_heading(text) or file.stem, text, source, reading.guessed)


def _parsed(reader: Callable[[Path], tuple[str, Reading]], file: Path) -> tuple[str, Reading]:
    try:
        return reader(file)
    except (DocumentError, OSError):
        raise
    except Exception as error:
        problem = f"{file}: broken or locked ({type(error).__name__}: {str(error)[:120]})."
        raise DocumentError(problem, fix="open it and save it again, without a password") from error


def _plain(file: Path) -> tuple[str, Reading]:
    return "", _decoded(file)


def _decoded(file: Path) -> Reading:
    content = file.read_bytes()
    if b"\x00" in content[:8192] and not is_marked(content):
        raise DocumentError(f"{file}: this is a binary file, not text.", fix="convert it to text, PDF or DOCX")
    if (reading := decoded(content)) is None:
        known = "UTF-8, UTF-16, a Chinese, Japanese or Korean one, or Windows-1252"
        raise DocumentError(f"{file}: its encoding is not {known}.", fix="save it as UTF-8")
    return reading


def _first_heading(text: str) -> str:
    found = re.search(r"^#{1,3} +(.+)$", text[:2000], re.MULTILINE)
    return found.group(1).strip(" #") if found else ""


def _html(file: Path) -> tuple[str, Reading]:
    from bs4 import BeautifulSoup

    reading = _decoded(file)
    page = BeautifulSoup(reading.text, "html.parser")
    title = page.title.get_text(" ", strip=True) if page.title else ""
    for tag in page(["script", "style", "noscript", "template", "nav", "title"]):
        tag.decompose()
    for cell in page(["td", "th"]):
        _set_apart(cell)
    for tag in page(_BLOCKS):
        tag.append("\n\n")
        tag.insert_before("\n\n")
    for tag in page("br"):
        tag.replace_with("\n")
    text = re.sub(r"[ \t]+", " ", page.get_text())
    return title, replace(reading, text=re.sub(r"\s*\n\s*\n\s*", "\n\n", text).strip())


def _set_apart(cell: Any) -> None:
    """Put a table's cell on one line, and a bar between it and the next; what holds a table lays out the page."""
    if cell.find("table"):
        return
    bar = " | " if cell.find_next_sibling(["td", "th"]) else ""
    cell.string = f"{cell.get_text(' ', strip=True)}{bar}"


def _pdf(file: Path) -> tuple[str, Reading]:
    from pypdf import PdfReader

    # Without a handler of its own its warnings would land on standard error, beside the report that says the same.
    logging.getLogger("pypdf").addHandler(_NO_HANDLER)
    with PdfReader(file) as reader:
        text = "\n\n".join(page.extract_text() for page in reader.pages)
        return str((reader.metadata and reader.metadata.title) or ""), Reading(text)


def _docx(file: Path) -> tuple[str, Reading]:
    from docx import Document as WordFile

    word = WordFile(str(file))
    parts = [_word_paragraph(block) for block in word.iter_inner_content()]
    return word.core_properties.title or "", Reading("\n\n".join(part for part in parts if part))


def _word_paragraph(block: Any) -> str:
    if hasattr(block, "rows"):
        return "\n".join(_word_row(row) for row in block.rows)
    text = str(block.text).strip()
    return f"## {text}" if text and str(block.style.name).startswith("Heading") else text


def _word_row(row: Any) -> str:
    """Return the cells of a row; one that spans several columns is given once for each of them, and said once."""
    return " | ".join({cell._tc: cell.text.strip() for cell in row.cells}.values())


def _table(file: Path) -> tuple[str, Reading]:
    import csv

    reading = _decoded(file)
    head = reading.text.partition("\n")[0]
    try:
        rows = list(csv.reader(StringIO(reading.text, newline=""), delimiter=max(",;\t|", key=head.count)))
    except csv.Error as error:
        fix = f"close the quote left open, or cut cells above {csv.field_size_limit():,} characters"
        raise DocumentError(f"{file}: broken as a table ({error}).", fix=fix) from error
    names, *others = rows or [[]]
    text = "\n\n".join(_named(names, row) for row in others) if others else " | ".join(names)
    return "", replace(reading, text=text)


def _named(names: list[str], row: list[str]) -> str:
    """Return a row's cells behind their columns' names; one beyond the named columns stands for itself."""
    cells = zip_longest(names, row[: len(names)], fillvalue="")
    told = [f"{name}: {value}" if name else value for name, value in cells if value]
    return "; ".join([*told, *filter(None, row[len(names) :])])


def _rows(file: Path, source: str) -> Iterator[Document | Failure]:
    # Not splitlines: it also breaks at signs that JSON strings may hold.
    reading = _decoded(file)
    lines = [(number, line) for number, line in enumerate(reading.text.split("\n"), start=1) if line.strip()]
    if not lines:
        raise DocumentError(f"{file}: the file has no rows.", fix="write one JSON object per line")
    for number, line in lines:
        row = _row(source, number, line)
        yield replace(row, guessed=reading.guessed) if isinstance(row, Document) else row


def _row(source: str, number: int, line: str) -> Document | Failure:
    try:
        row = json.loads(line)
    except ValueError as error:
        return Failure(source, f"{source}: line {number} is not JSON ({error}).", "write one JSON object per line")
    text = (
        _first(row, "text", "content", "body", "passage", "paragraph_text", "context") if isinstance(row, dict) else ""
    )
    if not text.strip():
        return Failure(source, f"{source}: line {number} has no text.", "give it a field `text` or `content`")
    identifier = _first(row, "id", "pid", "doc_id", "document_id", "_id") or f"{source}#{number}"
    return Document(identifier, _first(row, "title", "name", "heading") or identifier, text, source)


def _first(row: dict[str, Any], *names: str) -> str:
    """Return the first of these fields that is a text or a number."""
    found = (row[name] for name in names if isinstance(row.get(name), str | int | float))
    return next((str(value) for value in found if value != ""), "")
