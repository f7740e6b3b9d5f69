"""Scores how well a sentence answers a question, by words alone, in any language."""

import math
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Protocol

from twintrack.core.passages import Passage
from twintrack.core.query_words import STOP_WORDS
from twintrack.core.simplified import simplified
from twintrack.core.tokens import Span, stem, words

_NUMBER_ASKED = re.compile(
    r"\b(when|how (?:many|much|long|old|far|tall|large|big|high|often)|what (?:year|date|percent\w*|number|age)|"
    r"which year|in what year)\b|多少|几|何时|哪年|哪一年|什么时候|什么时间|日期|年份",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"\d|[一二三四五六七八九十百千万两]|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|hundred|dozen)\b"
)


class Weights:
    """What each sign counts; chosen on SQuAD and CMRC development questions."""

    before = 0.15
    """Of the question's words that the sentence lacks: those in the sentence before it."""
    title = 0.8
    """Of the same: those in the document's title and the section's heading."""
    rank = 0.05
    """Taken off for each passage that was found before this one."""
    number = 0.2
    """Where a number is asked for and the sentence has one."""
    meaning = 0.35
    """Of the cosine between question and sentence."""


class Sentence(Protocol):
    """What is scored."""

    @property
    def passage(self) -> Passage:
        """Return the passage it stands in."""
        ...

    @property
    def rank(self) -> int:
        """Return the passage's place among those found."""
        ...

    @property
    def span(self) -> Span:
        """Return the sentence."""
        ...

    @property
    def before(self) -> str:
        """Return the sentence before it."""
        ...

    @property
    def topic(self) -> str:
        """Return what stands above it: the document's title and its section's heading."""
        ...


@lru_cache(maxsize=4096)
def content(text: str) -> frozenset[str]:
    """Return the stems of the words that carry meaning."""
    return frozenset(stem(word) for word in words(text) if word not in STOP_WORDS)


def weigh(question: str, texts: Sequence[str]) -> dict[str, float]:
    """Return the question's words with their share of its meaning: the rarer in `texts`, the more."""
    asked = content(question) or {stem(word) for word in words(question)}
    held = [content(text) for text in texts]
    rarity = {word: math.log(1 + (len(texts) + 1) / (0.5 + sum(word in one for one in held))) for word in asked}
    total = sum(rarity.values())
    return {word: weight / total for word, weight in rarity.items()} if total else {}


def coverage(text: str, weights: Mapping[str, float]) -> float:
    """Return the share of the question's meaning that `text` holds, 0 to 1."""
    held = content(text)
    return min(1.0, sum(weight for word, weight in weights.items() if word in held))


def word_scores(question: str, found: Sequence[Sentence], weights: Mapping[str, float]) -> list[float]:
    """Return each sentence's score; 0 or less where it shares no word with the question."""
    wants_number = bool(_NUMBER_ASKED.search(simplified(question)))
    return [_score(sentence, weights, wants_number) for sentence in found]


def _score(sentence: Sentence, weights: Mapping[str, float], wants_number: bool) -> float:
    text = sentence.span.text
    own = coverage(text, weights)
    if own == 0:
        return 0.0 - Weights.rank * sentence.rank
    missing = {word: weight for word, weight in weights.items() if word not in content(text)}
    score = own + Weights.before * coverage(sentence.before, missing)
    score += Weights.title * coverage(sentence.topic, missing)
    score -= Weights.rank * sentence.rank
    return score + Weights.number * (wants_number and bool(_NUMBER.search(simplified(text))))
