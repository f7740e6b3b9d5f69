"""Reads bytes as text: by the mark they begin with, as UTF-8, as they declare, or as their values make likely."""

import codecs
import re

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DECLARED = re.compile(rb"""(?:charset|coding)\s*[=:]\s*["']?\s*([\w.-]{2,40})""", re.IGNORECASE)
_DECLARES_WITHIN = 1024
_HIGH = re.compile(rb"[\x80-\xff]+")
_COMMON_GB = re.compile(rb"[\xa1-\xa3\xb0-\xd7][\xa1-\xfe]")
"""Signs and the more usual half of the characters of GB 2312."""
_COMMON_BIG5 = re.compile(rb"[\xa1-\xc6][\x40-\x7e\xa1-\xfe]")
"""The same of Big5."""
_NEIGHBOURS = (
    ("cp932", re.compile("[\u3041-\u30fa]"), 0.2),
    ("euc_jp", re.compile("[\u3041-\u30fa]"), 0.2),
    ("cp949", re.compile("[\uac00-\ud7a3]"), 0.9),
)
"""Encodings whose bytes are Chinese ones too; the script that tells them, and its share of a text's letters."""
_FEWEST = 10
"""Letters below which a text is too short to be taken for anything but Chinese."""
_MOSTLY = 0.85
_LATIN = 0.25
"""Share of a text's bytes that may be accented letters and curly quotes."""


def is_marked(content: bytes) -> bool:
    """Tell whether the file begins with a mark of its encoding, after which it may hold zero bytes."""
    return any(content.startswith(mark) for mark, _ in _MARKS)


def decoded(content: bytes) -> str | None:
    """Return the text, or None where no encoding fits."""
    marked = [name for mark, name in _MARKS if content.startswith(mark)][:1]
    for encoding in marked or ["utf-8", *_declared(content), *_likely(content)]:
        try:
            return content.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    return None


def _declared(content: bytes) -> list[str]:
    found = _DECLARED.search(content[:_DECLARES_WITHIN])
    return [found[1].decode("ascii", "ignore")] if found else []


def _likely(content: bytes) -> list[str]:
    """Return which of the encodings before UTF-8 may be meant, the likeliest first: East Asian ones, and Western Europe's."""
    runs = [len(run) for run in _HIGH.findall(content)]
    odd = sum(length % 2 for length in runs)
    # Characters of GB 2312 are two high bytes each, so runs of them are even; an accented letter mostly stands alone.
    if odd > len(runs) / 2 and sum(runs) < _LATIN * len(content):
        return ["cp1252"]
    if neighbour := next((name for name, script, share in _NEIGHBOURS if _is_in(content, name, script, share)), ""):
        return [neighbour]
    wide = sum(runs) / 2
    if _held(_COMMON_GB, content) < _MOSTLY * wide and _is_big5(content):
        return ["big5hkscs", "gb18030"]
    return ["gb18030"]


def _held(pattern: re.Pattern[bytes], content: bytes) -> int:
    return len(pattern.findall(content))


def _is_big5(content: bytes) -> bool:
    try:
        text = content.decode("big5hkscs")
    except UnicodeDecodeError:
        return False
    return _held(_COMMON_BIG5, content) >= _MOSTLY * sum(not sign.isascii() for sign in text)


def _is_in(content: bytes, encoding: str, script: re.Pattern[str], share: float) -> bool:
    """Tell whether the text is in the script when it is read so; Chinese bytes read as Korean are half Hanja."""
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        return False
    letters = sum(sign.isalpha() and not sign.isascii() for sign in text)
    return len(script.findall(text)) >= max(_FEWEST, share * letters)
