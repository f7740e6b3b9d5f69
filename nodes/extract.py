"""Answer by quoting: the best sentences of the passages, word for word, each with its citation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from twintrack.core.embeddings import Embedder
from twintrack.core.passages import Citation, Passage
from twintrack.core.tokens import Span
from twintrack.nodes.prompts import say
from twintrack.nodes.quotable import Quotable, quotables
from twintrack.nodes.sentence_scores import Weights, coverage, weigh, word_scores
from twintrack.nodes.state import Draft

MAX_QUOTES = 2
_FLOOR = 0.18
"""Evidence below which nothing is quoted: hardly a word of the question stands in the documents."""
_NEAR_ENOUGH = 0.33
"""Cosine from which a sentence may be quoted that shares no word with the question: a paraphrase, another language."""
_FAR = 0.2
"""Cosine under which nothing is quoted, whatever words are shared."""
_NEAR = 0.4
"""Share of the best sentence's score from which another is quoted beside it."""
_ROW = 0.2
"""Taken off a table's row: it holds many words and says little with them."""
_SHORTLIST = 12
"""Sentences whose meaning is compared; the others share no word worth mentioning with the question."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence that may be quoted."""

    passage: Passage
    rank: int
    """Place of its passage among those found."""
    quotable: Quotable

    @property
    def span(self) -> Span:
        """Return where it stands in the passage's text."""
        return self.quotable.span

    @property
    def before(self) -> str:
        """Return the sentence before it."""
        return self.quotable.before

    @property
    def topic(self) -> str:
        """Return the document's title and the section's heading."""
        return f"{self.passage['title']} {self.quotable.heading}"

    @property
    def start(self) -> int:
        """Return where it stands in the document."""
        return self.passage["start"] + self.span.start


async def extract(question: str, passages: Sequence[Passage], *, embedder: Embedder | None = None) -> Draft:
    """Return the sentences that answer the question best, cited; abstain where they share next to nothing with it."""
    candidates = _candidates(passages)
    weights = weigh(question, [candidate.span.text for candidate in candidates])
    words = word_scores(question, candidates, weights)
    scores = [score - _ROW * one.quotable.is_row for score, one in zip(words, candidates, strict=True)]
    found = _best_coverage(candidates, weights)
    if embedder is None or not candidates:
        return _quoted(_chosen(candidates, scores)) if found >= _FLOOR else _abstained(question, passages)
    nearness = await _nearness(question, candidates, scores, embedder)
    if max(nearness.values()) < (_FAR if found >= _FLOOR else _NEAR_ENOUGH):
        return _abstained(question, passages)
    # A sentence that was not compared stays behind every one that was.
    meant = [score + Weights.meaning * nearness.get(i, -2.0) for i, score in enumerate(scores)]
    return _quoted(_chosen(candidates, meant))


def evidence(question: str, passages: Sequence[Passage]) -> float:
    """Return how well the passages cover the question, 0 to 1.

    It is the share of the question's content words, weighted by how rare they are among
    the passages' sentences, that stand in the best sentence, its title and the sentence
    before it. Retrieval scores say nothing here: they rank, and always rank something first.
    """
    candidates = _candidates(passages)
    weights = weigh(question, [candidate.span.text for candidate in candidates])
    return _best_coverage(candidates, weights)


def best_sentence(claim: str, passage: Passage) -> Span:
    """Return the sentence of the passage that says most of the claim; its offsets are the passage's."""
    whole = Span(0, len(passage["text"]), passage["text"])
    found = [one.span for one in quotables(passage)] or [whole]
    weights = weigh(claim, [span.text for span in found])
    return max(found, key=lambda span: (coverage(span.text, weights), -span.start))


def _best_coverage(candidates: Sequence[Candidate], weights: Mapping[str, float]) -> float:
    texts = (f"{one.before} {one.span.text} {one.topic}" for one in candidates)
    return max((coverage(text, weights) for text in texts), default=0.0)


def _candidates(passages: Sequence[Passage]) -> list[Candidate]:
    """Return every sentence once, also where passages overlap."""
    found: dict[tuple[str, int], Candidate] = {}
    for rank, passage in enumerate(passages):
        for quotable in quotables(passage):
            place = (passage["document_id"], passage["start"] + quotable.span.start)
            found.setdefault(place, Candidate(passage, rank, quotable))
    return list(found.values())


async def _nearness(
    question: str, candidates: Sequence[Candidate], scores: Sequence[float], embedder: Embedder
) -> dict[int, float]:
    """Return how near the likeliest sentences are to the question in meaning."""
    order = sorted(range(len(candidates)), key=lambda i: -scores[i])[:_SHORTLIST]
    asked = await embedder.embed_one(question)
    vectors = await embedder.embed([candidates[i].span.text for i in order])
    return dict(zip(order, np.asarray(vectors @ asked).tolist(), strict=True))


def _chosen(candidates: Sequence[Candidate], scores: Sequence[float]) -> list[Candidate]:
    """Return the best sentences, a second one only where it comes near the first; a table's row stands alone."""
    order = sorted(range(len(candidates)), key=lambda i: -scores[i])
    if candidates[order[0]].quotable.is_row:
        return [candidates[order[0]]]
    order = [i for i in order if not candidates[i].quotable.is_row][:MAX_QUOTES]
    near = [candidates[i] for i in order if scores[i] >= _NEAR * scores[order[0]]]
    together = len({candidate.passage["document_id"] for candidate in near}) == 1
    return sorted(near, key=lambda candidate: candidate.start) if together else near


def _quoted(chosen: Sequence[Candidate]) -> Draft:
    citations = [_citation(number, candidate) for number, candidate in enumerate(chosen, start=1)]
    text = " ".join(f"{citation['quote']} [{citation['marker']}]" for citation in citations)
    return Draft(status="answered", text=text, citations=citations)


def _citation(marker: int, candidate: Candidate) -> Citation:
    passage = candidate.passage
    return Citation(
        marker=marker,
        passage_id=passage["id"],
        document_id=passage["document_id"],
        title=passage["title"],
        source=passage["source"],
        start=candidate.start,
        end=candidate.start + len(candidate.span.text),
        quote=candidate.span.text,
    )


def _abstained(question: str, passages: Sequence[Passage]) -> Draft:
    titles = list(dict.fromkeys(passage["title"] for passage in passages))
    looked = f"looked at {', '.join(titles[:5])}" if titles else "no passage was found"
    return Draft(status="abstained", text=say("abstain", question), citations=[], reason=looked)
