"""Reads the signs that a quote answers its question, or only looks like it: words, names, numbers, opposites."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from twintrack.core.query_words import STOP_WORDS
from twintrack.core.simplified import simplified
from twintrack.core.tokens import stem, words
from twintrack.nodes.opposites import opposed
from twintrack.nodes.sentence_scores import content, coverage

SIGNS = (
    *("covered", "covered with context", "pairs", "nearness", "nearest", "names missing", "no name"),
    *("number missing", "opposite", "negation", "kind missing", "words"),
    *("words missing", "held elsewhere", "lead"),
)
"""What is read, in the order of the weights."""

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_NAME = re.compile(r"\b[A-Z][\w'’-]*")
_NOT_ASKED = re.compile(r"\b(not|never|cannot)\b|n['’]t\b|不|没有|未", re.IGNORECASE)
_NOT_SAID = re.compile(
    r"\b(not|no|never|without|none|neither|nor|cannot|lack\w*|fail\w*|except|un\w{5,}|non\w*|"
    r"in(?:correct|capable|valid|dependent)\w*)\b|n['’]t\b|不|没|非|无|未|除了",
    re.IGNORECASE,
)
_WHEN = re.compile(
    r"\b(when|(?:what|which) (?:year|date|century|decade|month))\b|何时|哪年|哪一年|什么时候|什么时间|日期|年份|几月|几年",
    re.IGNORECASE,
)
_MOMENT = re.compile(
    r"\d|centur|\b(?:january|february|march|april|may|june|july|august|september|october|november|december|spring|"
    r"summer|autumn|winter|\w{2,6}day|during|before|after|until|since|today|now|current\w*)\b|"
    r"[年月日]|世纪|时代|时期|时|前|后",
    re.IGNORECASE,
)
_AMOUNT = re.compile(
    r"\bhow (?:many|much|long|old|far|tall|large|big|high|often|fast|deep|wide)\b|\bwhat percent|"
    r"多少|几[^何乎]|多长|多大|多高|多远|多久",
    re.IGNORECASE,
)
_COUNT = re.compile(
    r"\d|[一二三四五六七八九十百千万两半]|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|"
    r"thirty|forty|fifty|hundred|thousand|million|billion|dozen|half|third|quarter|once|twice|several|many|few|none|"
    r"both|all|an?)\b",
    re.IGNORECASE,
)

_MARKS = ".,;:()?!"


@dataclass(frozen=True, slots=True)
class Quote:
    """The sentence that would be quoted, with what stands around it."""

    text: str
    topic: str
    """The document's title and the section's heading."""
    before: str
    after: str
    passage: str
    """The whole passage it stands in."""
    nearness: float
    """Cosine between it and the question."""
    nearest: float
    """The same of the sentence nearest to the question."""
    lead: float = 0.0
    """How far it scores above the next sentence."""


def signs(question: str, quote: Quote, weights: Mapping[str, float]) -> list[float]:
    """Return a number for each of `SIGNS`; `weights` say how much each word of the question counts."""
    around = f"{quote.before} {quote.text} {quote.topic} {quote.after}"
    told = _stems(f"{quote.passage} {quote.topic}")
    asked_names = names(question)
    near = content(around)
    missing = {word: weight for word, weight in weights.items() if word not in near}
    return [
        coverage(f"{quote.text} {quote.topic}", weights),
        coverage(f"{quote.before} {quote.text} {quote.topic}", weights),
        _share(_pairs(question), _pairs(around)),
        quote.nearness,
        quote.nearest,
        len(asked_names - told) / len(asked_names) if asked_names else 0.0,
        float(bool(asked_names) and not asked_names & _stems(around)),
        *map(float, mismatches(question, quote.text, around, f"{quote.passage} {quote.topic}")),
        math.log(1 + len(weights)),
        float(len(missing)),
        coverage(f"{quote.passage} {quote.topic}", missing),
        quote.lead,
    ]


def mismatches(question: str, text: str, around: str, passage: str) -> tuple[bool, bool, bool, bool]:
    """Tell whether a number is missing, an opposite stands instead, a negation or the kind of answer is missing."""
    question, text, around = simplified(question), simplified(text), simplified(around)
    numbers = set(_NUMBER.findall(question))
    return (
        not numbers <= set(_NUMBER.findall(passage)),
        opposed(_stems(question), _stems(text)),
        bool(_NOT_ASKED.search(question)) and not _NOT_SAID.search(around),
        _lacks_kind(question, text),
    )


def names(question: str) -> set[str]:
    """Return the capitalised words, but for one that only begins the question."""
    first = len(question) - len(question.lstrip())
    found = {
        match.group().removesuffix("'s").removesuffix("’s").lower() for match in _NAME.finditer(question, first + 1)
    }
    return {stem(name) for name in found if name and name not in STOP_WORDS}


def _lacks_kind(question: str, text: str) -> bool:
    """Tell whether a moment or an amount is asked for and none stands there that the question did not name."""
    named = {bare for word in question.lower().split() if _COUNT.search(bare := word.strip(_MARKS))}
    rest = " ".join(word for word in text.split() if word.lower().strip(_MARKS) not in named)
    if _WHEN.search(question):
        return not _MOMENT.search(rest)
    return bool(_AMOUNT.search(question)) and not _COUNT.search(rest)


def _stems(text: str) -> set[str]:
    return {stem(word) for word in words(text)}


def _pairs(text: str) -> set[tuple[str, str]]:
    kept = [stem(word) for word in words(text) if word not in STOP_WORDS and (word.isascii() or len(word) == 1)]
    return set(pairwise(kept))


def _share(asked: set[tuple[str, str]], held: set[tuple[str, str]]) -> float:
    return len(asked & held) / len(asked) if asked else 1.0
