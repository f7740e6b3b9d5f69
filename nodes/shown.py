"""Chooses what of the passages a model is shown: whole sentences, the best ones first, up to a number of tokens."""

from collections.abc import Sequence

from twintrack.core.passages import Passage
from twintrack.core.token_count import estimated_tokens
from twintrack.core.tokens import Span, sentences
from twintrack.nodes.sentence_scores import Weights, coverage, weigh

FRAME_TOKENS = 24
"""What a passage's number and the lines around it take."""
GAP = " … "
"""Stands for what was left out between two sentences."""
_GAP_TOKENS = 1


def shown(question: str, passages: Sequence[Passage], max_tokens: int) -> list[str]:
    """Return the text shown of each passage, at its place; empty where there was no room for any of its sentences.

    Only what is shown is cut: citations are made from the stored passages, so numbers and offsets hold.
    """
    if sum(_frame(one) + estimated_tokens(one["text"]) for one in passages) <= max_tokens:
        return [one["text"] for one in passages]
    found = [sentences(one["text"]) for one in passages]
    kept: list[set[int]] = [set() for _ in passages]
    for rank, place in _best_first(question, found):
        cost = estimated_tokens(found[rank][place].text) + _GAP_TOKENS
        cost += 0 if kept[rank] else _frame(passages[rank])
        if cost <= max_tokens:
            kept[rank].add(place)
            max_tokens -= cost
    return [_joined(spans, places) for spans, places in zip(found, kept, strict=True)]


def _best_first(question: str, found: Sequence[Sequence[Span]]) -> list[tuple[int, int]]:
    """Return (passage, sentence) of every sentence: by what of the question it holds, then as it was found."""
    weights = weigh(question, [span.text for spans in found for span in spans])
    scores = {
        (rank, place): coverage(span.text, weights) - Weights.rank * rank
        for rank, spans in enumerate(found)
        for place, span in enumerate(spans)
    }
    return sorted(scores, key=lambda one: (-scores[one], one))


def _frame(passage: Passage) -> int:
    return FRAME_TOKENS + estimated_tokens(passage["title"])


def _joined(spans: Sequence[Span], places: set[int]) -> str:
    """Return the chosen sentences in their order, with a mark where something between them is left out."""
    text, last = "", -1
    for place in sorted(places):
        text += ("" if not text else " " if place == last + 1 else GAP) + spans[place].text
        last = place
    return text
