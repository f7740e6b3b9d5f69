"""Cuts a document into passages of whole sentences, each with its true offset."""

from twintrack.core.tokens import Span, sentences


def chunks(text: str, *, size: int, overlap: int) -> list[Span]:
    """Return passages of at most `size` characters; neighbours share up to `overlap` characters of whole sentences."""
    pieces = [piece for span in sentences(text) for piece in _fitting(span, size)]
    found: list[Span] = []
    first = 0
    while first < len(pieces):
        last = _last(pieces, first, size)
        found.append(_join(text, pieces[first], pieces[last]))
        if last == len(pieces) - 1:
            break
        first = _next_first(pieces, first, last, overlap)
    return found


def _fitting(span: Span, size: int) -> list[Span]:
    """Cut a sentence longer than a passage, at white space where there is some."""
    pieces = []
    start = 0
    while len(span.text) - start > size:
        cut = span.text.rfind(" ", start + size // 2, start + size)
        end = cut if cut > 0 else start + size
        pieces.append(Span(span.start + start, span.start + end, span.text[start:end]))
        start = end
    return [*pieces, Span(span.start + start, span.end, span.text[start:])]


def _last(pieces: list[Span], first: int, size: int) -> int:
    last = first
    while last + 1 < len(pieces) and pieces[last + 1].end - pieces[first].start <= size:
        last += 1
    return last


def _next_first(pieces: list[Span], first: int, last: int, overlap: int) -> int:
    """Return where the next passage begins: back by the overlap, but always ahead of this one's beginning."""
    following = last + 1
    while following - 1 > first and pieces[last].end - pieces[following - 1].start <= overlap:
        following -= 1
    return following


def _join(text: str, first: Span, last: Span) -> Span:
    return Span(first.start, last.end, text[first.start : last.end])
