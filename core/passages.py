"""What retrieval finds and what an answer cites; JSON only, so both may live in a checkpoint."""

from typing_extensions import TypedDict


class Passage(TypedDict):
    """One stored piece of a document."""

    id: str
    document_id: str
    title: str
    source: str
    """Path or address the document was read from."""
    text: str
    start: int
    """Offset of `text` in the document's text, in characters."""
    score: float
    """Mixed retrieval score, 0 to 1; higher is better."""


class Citation(TypedDict):
    """A quoted span that resolves to a stored passage."""

    marker: int
    """Number in the answer's text, as in `[1]`."""
    passage_id: str
    document_id: str
    title: str
    source: str
    start: int
    """Offset of `quote` in the document's text, in characters."""
    end: int
    quote: str


def cite(marker: int, passage: Passage, start: int, quote: str) -> Citation:
    """Return the citation of a quote that stands at `start` in the passage's text."""
    begins = passage["start"] + start
    return Citation(
        marker=marker,
        passage_id=passage["id"],
        document_id=passage["document_id"],
        title=passage["title"],
        source=passage["source"],
        start=begins,
        end=begins + len(quote),
        quote=quote,
    )
