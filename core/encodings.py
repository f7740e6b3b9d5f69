"""Reads bytes as text: by the mark they begin with, as UTF-8, as they declare, or as their values make likely."""

import codecs
import re
from dataclasses import dataclass

from twintrack.core.likely_encoding import likely

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DECLARED = re.compile(rb"""(?:charset|coding)\s*[=:]\s*["']?\s*([\w.-]{2,40})""", re.IGNORECASE)
_DECLARES_WITHIN = 1024


@dataclass(frozen=True, slots=True)
class Reading:
    """A text, and the encoding that was guessed for it; empty where the file itself tells it."""

    text: str
    guessed: str = ""


def is_marked(content: bytes) -> bool:
    """Tell whether the file begins with a mark of its encoding, after which it may hold zero bytes."""
    return any(content.startswith(mark) for mark, _ in _MARKS)


def decoded(content: bytes) -> Reading | None:
    """Return the text, or None where no encoding fits."""
    marked = [name for mark, name in _MARKS if content.startswith(mark)][:1]
    for encoding in marked or ["utf-8", *_declared(content)]:
        try:
            return Reading(content.decode(encoding))
        except (UnicodeDecodeError, LookupError):
            continue
    return None if marked else _guessed(content)


def _declared(content: bytes) -> list[str]:
    found = _DECLARED.search(content[:_DECLARES_WITHIN])
    return [found[1].decode("ascii", "ignore")] if found else []


def _guessed(content: bytes) -> Reading | None:
    encoding = likely(content)
    return Reading(content.decode(encoding), encoding) if encoding else None
