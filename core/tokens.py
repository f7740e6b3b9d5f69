"""Words and sentences of English and Chinese text, the same on the way into an index and out of it."""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from twintrack.core.markup import code_blocks
from twintrack.core.simplified import HAN, simplified

_SPACELESS = f"\u3040-\u30ff{HAN}\uac00-\ud7af\U00020000-\U0003ffff"
_RUN = re.compile(rf"(?:(?=\w)[{_SPACELESS}])+|[^\W_{_SPACELESS}]+")
_IS_SPACELESS = re.compile(rf"[{_SPACELESS}]")
_HAN = re.compile(rf"[{HAN}\U00020000-\U0003ffff]")
_KANA_OR_HANGUL = re.compile(r"[\u3040-\u30ff\uac00-\ud7af]")
_LATIN_WORD = re.compile(r"[A-Za-z\u00c0-\u024f]+")
_MAX_WORD = 64

_CLOSERS = "\"')\\]”’」』）】》"
_BOUNDARY = re.compile(
    rf"(?P<wide>[。！？；…]+[{_CLOSERS}]*)"
    rf"|(?P<mark>[!?]+[{_CLOSERS}]*)(?=\s|$|[{_SPACELESS}])"
    rf"|(?P<dot>\.+[{_CLOSERS}]*(?:\[\d+\])*)(?=\s|$|[{_SPACELESS}])"
    r"|(?P<line>\n[ \t]*\n\s*|\n(?=[ \t]*(?:[-*+•|#>]|\d+[.)])\s?))"
)
_HEADING = re.compile(r"^[ \t]*#{1,6} [^\n]*\n", re.MULTILINE)
_ABBREVIATIONS_LIST = (
    "mr mrs ms dr prof sr jr st mt ft rev gen gov sen rep col lt sgt capt cmdr hon pres vs etc eg ie cf al "
    "approx dept est fig figs eq no nos vol vols pp p ed eds inc ltd co corp bros ca c jan feb mar apr jun jul "
    "aug sep sept oct nov dec mon tue wed thu fri sat sun ave blvd rd univ ph b d r"
)
_ABBREVIATIONS = frozenset(_ABBREVIATIONS_LIST.split())
_STARTERS_LIST = "the a an in on at it its he she they this these those there but and however when while"
_STARTERS = frozenset(_STARTERS_LIST.split())


_REMEMBERED_WORDS = 8192
_REMEMBERED_TEXTS = 256
_REMEMBERED_CHARS = 4000
"""Texts up to this length, passages and answers, are split once while they are in use."""


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a text: `text` is what stands from `start` to `end`."""

    start: int
    end: int
    text: str


def words(text: str) -> list[str]:
    """Return the lower-cased words and numbers of `text`; Chinese as single characters and pairs, in simplified signs.

    A word holds letters and digits only, so it can never carry query syntax.
    """
    found: list[str] = []
    for run in _RUN.findall(simplified(unicodedata.normalize("NFKC", text)).lower()):
        if _IS_SPACELESS.match(run):
            found.extend(run)
            found.extend(run[i : i + 2] for i in range(len(run) - 1))
        else:
            found.append(run[:_MAX_WORD])
    return found


def is_chinese(text: str) -> bool:
    """Tell whether `text` is mainly Chinese."""
    han = len(_HAN.findall(text))
    if len(_KANA_OR_HANGUL.findall(text)) > han:
        return False
    return han > len(_LATIN_WORD.findall(text))


def sentences(text: str) -> list[Span]:
    """Return the sentences of `text` in order; between two of them stands white space only.

    A block of fenced code is one piece, whatever it holds. The steps of a turn ask for the same few texts.
    """
    return list(_remembered(text) if len(text) <= _REMEMBERED_CHARS else _split(text))


def _split(text: str) -> list[Span]:
    spans = []
    start = 0
    for end in [*_ends(text), len(text)]:
        if span := _trimmed(text, start, end):
            spans.append(span)
        start = end
    return spans


@lru_cache(_REMEMBERED_TEXTS)
def _remembered(text: str) -> tuple[Span, ...]:
    return tuple(_split(text))


def _trimmed(text: str, start: int, end: int) -> Span | None:
    piece = text[start:end]
    inner = piece.strip()
    if not inner:
        return None
    first = start + len(piece) - len(piece.lstrip())
    return Span(first, first + len(inner), inner)


def _ends(text: str) -> list[int]:
    """Return where sentences end, in order."""
    ends = {match.end() for match in _BOUNDARY.finditer(text) if match["dot"] is None or _dot_ends(text, match)}
    for first, last in [*(match.span() for match in _HEADING.finditer(text)), *code_blocks(text)]:
        ends = {end for end in ends if not first < end < last} | {first, last}
    return sorted(ends)


def _dot_ends(text: str, match: re.Match[str]) -> bool:
    """Tell whether the dot ends a sentence rather than an abbreviation, an initial or a list number."""
    following = text[match.end() : match.end() + 40].lstrip()
    if not following:
        return True
    before = re.search(r"[\w.]*$", text[max(0, match.start() - 40) : match.start()])
    word = before.group().lower() if before else ""
    if _IS_SPACELESS.match(following):
        return not word.isdigit()
    if following[0].islower():
        return False
    return not _is_short_form(word, text, match) or _first_word(following) in _STARTERS


def _is_short_form(word: str, text: str, match: re.Match[str]) -> bool:
    """Tell whether the word before the dot is usually written with one."""
    if len(match["dot"]) > 1:
        return False
    if word.isdigit():
        line = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
        return line.strip() == word
    return word.replace(".", "") in _ABBREVIATIONS or bool(re.fullmatch(r"[^\W\d_]|(?:[^\W\d_]\.)+[^\W\d_]", word))


def _first_word(text: str) -> str:
    found = re.match(r"\W*(\w+)", text)
    return found.group(1).lower() if found else ""


@lru_cache(_REMEMBERED_WORDS)
def stem(word: str) -> str:
    """Return an English word without its usual endings; any other word as it is."""
    if len(word) < 4 or not word.isascii() or not word.isalpha():
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-2] if word.endswith(("sses", "shes", "ches", "xes", "zes")) else word[:-1]
    for ending in ("ing", "ed"):
        root = word[: -len(ending)]
        if word.endswith(ending) and len(root) > 2 and re.search(r"[aeiouy]", root):
            word = root[:-1] if root[-1] == root[-2] and root[-1] not in "lsz" else root
            break
    return word[:-1] if word.endswith("e") and len(word) > 3 else word
