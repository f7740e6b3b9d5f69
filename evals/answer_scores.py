"""Scores answers against gold ones, the way the reading-comprehension sets do, in English and Chinese."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

from twintrack.core.tokens import is_chinese

_MARK = re.compile(r"\[\d+\]")
_ARTICLES = re.compile(r"\b(a|an|the)\b")


def plain(text: str) -> str:
    """Return the text in lower case without articles, punctuation, citation marks and extra space."""
    text = unicodedata.normalize("NFKC", _MARK.sub(" ", text)).lower()
    text = "".join(sign if sign.isalnum() or sign.isspace() else " " for sign in text)
    return " ".join(_ARTICLES.sub(" ", text).split())


def holds(text: str, gold: Sequence[str]) -> bool:
    """Tell whether one of the gold answers stands in the text."""
    if any(answer.lower() in text.lower() for answer in gold if answer):
        return True
    padded = f" {plain(text)} "
    return any(f" {plain(answer)} " in padded for answer in gold if plain(answer))


def exact(text: str, gold: Sequence[str]) -> float:
    """Return 1 where the text is one of the gold answers, else 0."""
    return float(any(plain(text) == plain(answer) for answer in gold))


def f1(text: str, gold: Sequence[str]) -> float:
    """Return the best overlap with a gold answer, in words, or in signs for Chinese."""
    return max((_overlap(_units(text), _units(answer)) for answer in gold), default=0.0)


def class_f1(found: Sequence[bool], gold: Sequence[bool]) -> float:
    """Return the F1 of telling the True ones."""
    both = sum(a and b for a, b in zip(found, gold, strict=True))
    total = sum(found) + sum(gold)
    return 2 * both / total if total else 1.0


def _units(text: str) -> list[str]:
    return list(plain(text).replace(" ", "")) if is_chinese(text) else plain(text).split()


def _overlap(found: list[str], gold: list[str]) -> float:
    common = sum((Counter(found) & Counter(gold)).values())
    return 2 * common / (len(found) + len(gold)) if common else 0.0
