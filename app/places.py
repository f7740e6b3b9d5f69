"""Says where a quote stands, as a person looks for it: the file from here, and the line."""

import os
from pathlib import Path

from twintrack.app.answer import Cited

_LARGEST = 4_000_000
"""Bytes of a file that is read again to count its lines."""


def place(citation: Cited) -> str:
    """Return `path:line` where the quote stands so in a text file, else the path and the quote's position."""
    file = _found(citation.source)
    shown = from_here(file) if file.is_absolute() else citation.source
    if line := _line(file, citation):
        return f"{shown}:{line}"
    if not citation.document_id.startswith(citation.source):
        return f"{shown}, {citation.title or citation.document_id}, at {citation.start}"
    return f"{shown}, at {citation.start}"


def _found(source: str) -> Path:
    """Return the file as seen from here: a source begins with the name of the folder that was read in."""
    beside = Path.cwd().parent / source
    return beside if not Path(source).exists() and beside.exists() else Path(source)


def from_here(path: Path) -> str:
    """Return the path as seen from the working directory, or from home, or whole: whichever is below it."""
    for base, prefix in ((Path.cwd(), ""), (Path.home(), f"~{os.sep}")):
        if path.is_relative_to(base):
            return prefix + str(path.relative_to(base))
    return str(path)


def _line(file: Path, citation: Cited) -> int:
    """Return the quote's line, counted from 1; 0 where the file is gone, changed or no plain text."""
    try:
        if file.stat().st_size > _LARGEST:
            return 0
        text = file.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except (OSError, ValueError):
        return 0
    stands = text[citation.start : citation.end] == citation.quote
    return text.count("\n", 0, citation.start) + 1 if stands else 0
