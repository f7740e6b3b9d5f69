"""Finds what of a passage may be quoted: sentences and table rows, never code or a bare heading."""

from dataclasses import dataclass
from functools import lru_cache

from twintrack.core.markup import code_blocks, inner, kind_of, looks_like_code
from twintrack.core.passages import Passage
from twintrack.core.tokens import Span, sentences

_MARKDOWN = (".md", ".markdown", ".mdx")
_REMEMBERED = 256
"""Passages in use: to grade, to answer and to cite ask for the same ones."""


@dataclass(frozen=True, slots=True)
class Quotable:
    """A sentence, or a row of a table, with what stands before and above it."""

    span: Span
    """Where it stands in the passage's text."""
    before: str
    """The sentence before it."""
    heading: str
    """The nearest heading above it in the passage."""
    is_row: bool


def quotables(passage: Passage) -> list[Quotable]:
    """Return what may be quoted, in order, each without its list mark."""
    return list(_found(passage["text"], passage["source"].lower().endswith(_MARKDOWN)))


@lru_cache(_REMEMBERED)
def _found(text: str, in_markdown: bool) -> tuple[Quotable, ...]:
    code = {start for start, _ in code_blocks(text)}
    found: list[Quotable] = []
    heading = before = ""
    for span in sentences(text):
        kind = kind_of(text, span.start, span.end)
        if kind == "heading":
            heading, before = span.text.lstrip("#").strip(), ""
        elif kind == "aside" or _starts(code, text, span) or (in_markdown and looks_like_code(span.text)):
            continue
        else:
            words = _words(span)
            found.append(Quotable(words, before, heading, kind == "row"))
            before = words.text
    return tuple(found)


def _starts(code: set[int], text: str, span: Span) -> bool:
    """Tell whether the piece is a block of code; white space may stand between the block's start and the piece's."""
    return any(start <= span.start and not text[start : span.start].strip() for start in code)


def _words(span: Span) -> Span:
    first, last = inner(span.text)
    return Span(span.start + first, span.start + last, span.text[first:last])
