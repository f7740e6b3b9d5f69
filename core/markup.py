"""Tells prose from what Markdown writes around it: code, headings, tables, rules and list marks."""

import re
from typing import Literal

Kind = Literal["prose", "row", "heading", "aside"]
"""A `row` of a table, a `heading`, or an `aside` that says nothing by itself: code, a rule, a comment, a table's head."""

_FENCE = re.compile(r"^[ \t]*(?P<mark>`{3,}|~{3,})(?P<info>[^`\n]*)$", re.MULTILINE)
_HEADING = re.compile(r"#{1,6}[ \t]")
_RULE = re.compile(r"[-*_=\s|:+]*")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_ROW = re.compile(r"\|[^\n]*\|")
_BELOW_HEAD = re.compile(r"[ \t]*\n[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*(?:\n|$)")
_LIST_MARK = re.compile(r"(?:[-*+•>][ \t]+)+(?:\[[ xX]\][ \t]+)?")
_CODE_LINE = re.compile(
    r"[;{}]\s*$|^\s*[)\]}]|-+\.?-*>|=>|^\s*(?:\$ |def |class |import |from \w+ import|return\b|const |let |var |@\w)"
    r"|^\s*[\w.]+ ?=[^=]|^\s*[\w.]+\([^)]*\)\s*$|^\s*[\w-]+:\s*(?:\S+)?$"
)


def code_blocks(text: str) -> list[tuple[int, int]]:
    """Return where fenced code stands, its fences included; a block may be cut at either end of `text`."""
    fences = list(_FENCE.finditer(text))
    blocks: list[tuple[int, int]] = []
    opened: re.Match[str] | None = None
    for place, fence in enumerate(fences):
        if opened is None and _closes_a_cut_block(text, fences, place):
            blocks.append((0, fence.end()))
        elif opened is None:
            opened = fence
        elif not fence["info"].strip() and fence["mark"].startswith(opened["mark"]):
            blocks.append((opened.start(), fence.end()))
            opened = None
    return [*blocks, (opened.start(), len(text))] if opened else blocks


def kind_of(text: str, start: int, end: int) -> Kind:
    """Return what the piece of `text` from `start` to `end` is; fenced code is told by `code_blocks`."""
    piece = text[start:end]
    if _HEADING.match(piece):
        return "heading"
    if _RULE.fullmatch(_COMMENT.sub("", piece)):
        return "aside"
    if _ROW.fullmatch(piece):
        return "aside" if _BELOW_HEAD.match(text, end) else "row"
    return "prose"


def inner(piece: str) -> tuple[int, int]:
    """Return where the words of a piece stand within it: a list mark and a table's outer bars are left out."""
    first = mark.end() if (mark := _LIST_MARK.match(piece)) else 0
    last = len(piece)
    if _ROW.fullmatch(piece):
        first, last = 1, last - 1
    words = piece[first:last]
    first += len(words) - len(words.lstrip())
    return (first, first + len(words.strip())) if words.strip() else (0, len(piece))


def looks_like_code(piece: str) -> bool:
    """Tell whether a piece without fences is code: two lines or more, most of them written as code is."""
    lines = [line for line in piece.splitlines() if line.strip()]
    return len(lines) > 1 and 2 * sum(bool(_CODE_LINE.search(line)) for line in lines) > len(lines)


def _closes_a_cut_block(text: str, fences: list[re.Match[str]], place: int) -> bool:
    """Tell whether a text's first fence ends a block that began before the text."""
    fence = fences[place]
    if place or fence["info"].strip():
        return False
    if len(fences) > 1:
        return bool(fences[1]["info"].strip())
    return not text[fence.end() :].strip() or looks_like_code(text[: fence.start()])
