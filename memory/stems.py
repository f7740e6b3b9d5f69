"""Cuts English endings, so that "painting" is found by "painted": people rarely repeat their own words exactly."""

import re
from functools import lru_cache

from twintrack.core.query_words import query_words
from twintrack.core.tokens import words

_VOWEL = re.compile(r"[aeiouy]")
_ENDING = re.compile(r"(?:ing|(?<!e)ed)$")


def stems(text: str) -> list[str]:
    """Return the words of `text` without their English endings; other words as they are."""
    return [stem(word) for word in words(text)]


def query_stems(question: str) -> list[str]:
    """Return the stems to look up for a question: those of its words that tell records apart."""
    return [stem(word) for word in query_words(question)]


@lru_cache(4096)
def stem(word: str) -> str:
    """Return the word without plural, -ing, -ed and a last e."""
    if len(word) < 4 or not word.isascii() or not word.isalpha():
        return word
    word = _singular(word)
    bare = _ENDING.sub("", word)
    if bare != word and len(bare) > 2 and _VOWEL.search(bare):
        word = bare[:-1] if bare[-1] == bare[-2] and bare[-1] not in "lsz" else bare
    elif word.endswith("e") and len(word) > 3:
        word = word[:-1]
    return word[:-1] + "i" if word.endswith("y") and len(word) > 3 else word


def _singular(word: str) -> str:
    if word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) else word
