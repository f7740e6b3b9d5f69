"""Answer by quoting: the best sentences of the passages, word for word, each with its citation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from twintrack.core.embeddings import Embedder
from twintrack.core.passages import Passage, cite
from twintrack.core.tokens import Span, is_chinese
from twintrack.nodes.abstain import abstained
from twintrack.nodes.answerable import Answerable, shipped
from twintrack.nodes.clauses import clauses
from twintrack.nodes.quotable import Quotable, quotables
from twintrack.nodes.sentence_scores import Weights, content, coverage, weigh, word_scores
from twintrack.nodes.signs import Quote, mismatches, signs
from twintrack.nodes.state import Draft

_FLOOR = 0.18
"""Evidence below which nothing is quoted where meaning cannot be compared."""
_AMISS = 0.5
"""Left of the evidence where a sign speaks against the best sentence."""
_AS_GOOD = 0.75
"""Share of the best sentence's score from which another is quoted beside it."""
_AS_GOOD_ELSEWHERE = 0.85
"""The same of a sentence of another document, which is more often than not the wrong one."""
_NEAR = 0.4
"""The same of a sentence of the same document that holds words of the question which the best one lacks."""
_NEWS = 0.25
"""Share of the question's meaning that those words must carry."""
_ROW = 0.2
"""Taken off a table's row: it holds many words and says little with them."""
_MOST_PARTS = 3
"""Parts of a question that are looked up on their own."""
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


@dataclass(frozen=True, slots=True)
class Ranking:
    """The sentences that may be quoted, and what speaks for each."""

    candidates: list[Candidate]
    weights: dict[str, float]
    """How much each word of the question counts."""
    scores: list[float]
    nearness: dict[int, float]
    """Cosine to the question, of the likeliest sentences; empty without an embedder."""

    @property
    def order(self) -> list[int]:
        """Return the places of the sentences, the best first."""
        return sorted(range(len(self.candidates)), key=lambda i: -self.scores[i])

    def quote(self) -> Quote:
        """Return the best sentence with what stands around it."""
        order = self.order
        place = order[0]
        best = self.candidates[place]
        following = self.candidates[place + 1] if place + 1 < len(self.candidates) else None
        return Quote(
            text=best.span.text,
            topic=best.topic,
            before=best.before,
            after=following.span.text if following and following.passage is best.passage else "",
            passage=best.passage["text"],
            nearness=self.nearness.get(place, 0.0),
            nearest=max(self.nearness.values(), default=0.0),
            lead=self.scores[place] - self.scores[order[1]] if len(order) > 1 else 0.0,
        )


async def extract(
    question: str,
    passages: Sequence[Passage],
    *,
    embedder: Embedder | None = None,
    answerable: Answerable | None = None,
) -> Draft:
    """Return the sentences that answer the question best, cited; abstain where they cannot be the answer."""
    answerable = answerable or shipped()
    chosen = await _answering(question, passages, embedder, answerable)
    if not chosen:
        # A question of several parts is like none of its answers: look for one part at a time.
        found = [await _answering(part, passages, embedder, answerable) for part in _parts(question)]
        chosen = list({(part[0].passage["id"], part[0].start): part[0] for part in found if part}.values())
    return quoted(chosen) if chosen else abstained(question, passages)


async def _answering(
    question: str, passages: Sequence[Passage], embedder: Embedder | None, answerable: Answerable
) -> list[Candidate]:
    ranking = await rank(question, passages, embedder=embedder)
    may = ranking.candidates and _may_answer(question, ranking, answerable)
    return _chosen(ranking, several=bool(_parts(question))) if may else []


def _parts(question: str) -> list[str]:
    """Return the parts of a question that ask; what leads up to a colon only tells."""
    parts = [clause.rpartition(": ")[2].rpartition("：")[2] for clause in clauses(question)]
    return [part for part in parts if part != question][:_MOST_PARTS]


async def rank(question: str, passages: Sequence[Passage], *, embedder: Embedder | None) -> Ranking:
    """Score every sentence by its words and, with an embedder, the likeliest by their meaning too."""
    candidates = candidates_in(passages)
    weights = weigh(question, [candidate.span.text for candidate in candidates])
    words = word_scores(question, candidates, weights)
    scores = [score - _ROW * one.quotable.is_row for score, one in zip(words, candidates, strict=True)]
    if embedder is None or not candidates:
        return Ranking(candidates, weights, scores, {})
    nearness = await _nearness(question, candidates, scores, embedder)
    # A sentence that was not compared stays behind every one that was.
    meant = [score + Weights.meaning * nearness.get(i, -2.0) for i, score in enumerate(scores)]
    return Ranking(candidates, weights, meant, nearness)


def _may_answer(question: str, ranking: Ranking, answerable: Answerable) -> bool:
    if not ranking.nearness:
        return _best_coverage(ranking.candidates, ranking.weights) >= _FLOOR
    quote = ranking.quote()
    if is_chinese(question) != is_chinese(quote.text):
        return quote.nearness >= answerable.near_across
    return answerable.score(signs(question, quote, ranking.weights), chinese=is_chinese(question)) >= 0.5


def evidence(question: str, passages: Sequence[Passage]) -> float:
    """Return how well the passages cover the question, 0 to 1.

    It is the share of the question's content words, weighted by how rare they are among
    the passages' sentences, that stand in the best sentence, its title and the sentence
    before it; halved where that sentence speaks of another number, of the opposite, or
    holds nothing of the kind that is asked for. Retrieval scores say nothing here: they
    rank, and always rank something first.
    """
    candidates = candidates_in(passages)
    weights = weigh(question, [candidate.span.text for candidate in candidates])
    if not candidates:
        return 0.0
    ranking = Ranking(candidates, weights, word_scores(question, candidates, weights), {})
    covered = _best_coverage(candidates, weights)
    quote = ranking.quote()
    around = f"{quote.before} {quote.text} {quote.topic} {quote.after}"
    amiss = mismatches(question, quote.text, around, f"{quote.passage} {quote.topic}")
    return covered * _AMISS if any(amiss) else covered


def best_sentence(claim: str, passage: Passage) -> Span:
    """Return the sentence of the passage that says most of the claim; its offsets are the passage's."""
    whole = Span(0, len(passage["text"]), passage["text"])
    found = [one.span for one in quotables(passage)] or [whole]
    weights = weigh(claim, [span.text for span in found])
    return max(found, key=lambda span: (coverage(span.text, weights), -span.start))


def _best_coverage(candidates: Sequence[Candidate], weights: Mapping[str, float]) -> float:
    texts = (f"{one.before} {one.span.text} {one.topic}" for one in candidates)
    return max((coverage(text, weights) for text in texts), default=0.0)


def candidates_in(passages: Sequence[Passage]) -> list[Candidate]:
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


def _chosen(ranking: Ranking, *, several: bool) -> list[Candidate]:
    """Return the best sentence, and a second one only where it adds to it; a table's row stands alone.

    Where the question has several parts, another document may hold the second.
    """
    first = ranking.candidates[ranking.order[0]]
    prose = [i for i in ranking.order[1:] if not ranking.candidates[i].quotable.is_row]
    if first.quotable.is_row or not prose or not _adds(ranking, prose[0], several):
        return [first]
    chosen = [first, ranking.candidates[prose[0]]]
    together = len({candidate.passage["document_id"] for candidate in chosen}) == 1
    return sorted(chosen, key=lambda candidate: candidate.start) if together else chosen


def _adds(ranking: Ranking, place: int, several: bool) -> bool:
    """Tell whether the sentence is as good as the best one, or holds words of the question that that one lacks."""
    best = ranking.order[0]
    first, second = ranking.candidates[best], ranking.candidates[place]
    share = ranking.scores[place] / ranking.scores[best] if ranking.scores[best] > 0 else 0.0
    if not several and first.passage["document_id"] != second.passage["document_id"]:
        return share >= _AS_GOOD_ELSEWHERE
    held = content(f"{first.span.text} {first.topic}")
    missing = {word: weight for word, weight in ranking.weights.items() if word not in held}
    return share >= _AS_GOOD or (share >= _NEAR and coverage(second.span.text, missing) >= _NEWS)


def quoted(chosen: Sequence[Candidate]) -> Draft:
    """Return the sentences as an answer, each with its citation."""
    citations = [
        cite(number, candidate.passage, candidate.span.start, candidate.span.text)
        for number, candidate in enumerate(chosen, start=1)
    ]
    text = " ".join(f"{citation['quote']} [{citation['marker']}]" for citation in citations)
    return Draft(status="answered", text=text, citations=citations)
