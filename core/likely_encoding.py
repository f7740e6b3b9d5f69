"""Tells which of the encodings before UTF-8 bytes are likely in: an East Asian one, Western Europe's, or none that is known."""

import re
from functools import cache

_HIGH = re.compile(rb"[\x80-\xff]+")
_WIDE = re.compile("[^\x00-\x7f]")
_PUNCTUATION = re.compile("[\u00b7\u2010-\u2027\u3000-\u3020\uff00-\uffef]")
_SYMBOL_IN_WORD = re.compile("[a-zA-Z\u00c0-\u00ff][\u00a1-\u00b6\u00b8-\u00bf\u00d7\u00f7][a-zA-Z\u00c0-\u00ff]")
_NEIGHBOURS = (
    ("cp932", re.compile("[\u3041-\u30fa]"), 0.2),
    ("euc_jp", re.compile("[\u3041-\u30fa]"), 0.2),
    ("cp949", re.compile("[\uac00-\ud7a3]"), 0.9),
)
"""Encodings whose bytes are Chinese ones too; the script that tells them, and its share of a text's letters."""
_FEWEST = 10
"""Letters below which a text is too short to be taken for anything but Chinese."""
_USUAL = 0.75
"""Share of a Chinese text's signs that are usual ones: of the passages tried, none of 20 signs or more had less."""
_LATIN = 0.25
"""Share of a text's bytes that may be accented letters and curly quotes."""
_LOOKED_AT = 20_000


def likely(content: bytes) -> str:
    """Return the encoding, or nothing where no reading makes sense: one script's bytes are never shown as another's signs."""
    if _is_western(content):
        return "cp1252"
    for name, script, share in _NEIGHBOURS:
        if _is_in(content, name, script, share):
            return name
    scores = {name: _usual_share(content, name) for name in ("gb18030", "big5hkscs")}
    best = max(scores, key=lambda name: scores[name])
    return best if scores[best] >= _USUAL else ""


def _is_western(content: bytes) -> bool:
    """Tell whether high bytes stand as accented letters do: few and mostly alone, and no symbol amid a word.

    Characters of East Asian encodings are two bytes each; words of other alphabets are long runs.
    """
    runs = [len(run) for run in _HIGH.findall(content)]
    odd = sum(length % 2 for length in runs)
    if odd <= len(runs) / 2 or sum(runs) >= _LATIN * len(content):
        return False
    long = sum(length for length in runs if length > 2)
    text = _read(content, "cp1252")
    return text is not None and long <= sum(runs) / 3 and not _SYMBOL_IN_WORD.search(text)


def _is_in(content: bytes, encoding: str, script: re.Pattern[str], share: float) -> bool:
    """Tell whether the text is in the script when it is read so; Chinese bytes read as Korean are half Hanja."""
    text = _read(content, encoding) or ""
    letters = sum(sign.isalpha() and not sign.isascii() for sign in text)
    return len(script.findall(text)) >= max(_FEWEST, share * letters)


def _usual_share(content: bytes, encoding: str) -> float:
    """Return how much of the text, read so, is characters that Chinese is mostly written with; 0 where it cannot be."""
    text = _read(content, encoding)
    signs = _WIDE.findall(text)[:_LOOKED_AT] if text else []
    usual = _usual_signs()
    return sum(sign in usual or _PUNCTUATION.match(sign) is not None for sign in signs) / max(1, len(signs))


@cache
def _usual_signs() -> frozenset[str]:
    """Return the more usual half of the characters of GB 2312 and of Big5: simplified and traditional ones."""
    simplified = [bytes([row, cell]) for row in range(0xB0, 0xD8) for cell in range(0xA1, 0xFF)]
    traditional = [bytes([row, cell]) for row in range(0xA4, 0xC7) for cell in (*range(0x40, 0x7F), *range(0xA1, 0xFF))]
    pairs = {"gb2312": simplified, "big5": traditional}
    return frozenset(sign for name, some in pairs.items() for sign in b"".join(some).decode(name, "ignore"))


def _read(content: bytes, encoding: str) -> str | None:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        return None
