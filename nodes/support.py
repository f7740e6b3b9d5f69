"""Tells whether a claim follows from what it cites, by words, names and numbers: the check that needs no model."""

import re
from decimal import Decimal

from twintrack.core.tokens import is_chinese
from twintrack.guardrails.pii import PLACEHOLDER
from twintrack.nodes.claims import agree, numbers
from twintrack.nodes.numerals import NUMBER, literal
from twintrack.nodes.opposites import opposed
from twintrack.nodes.sentence_scores import content
from twintrack.nodes.signs import names

_MARK = re.compile(r"\[\d{1,3}\]")
_NUMBER = re.compile(NUMBER)
_HELD = 0.5
"""Share of the claim's own words that its passages must hold."""


def supported(claim: str, sources: str, question: str) -> bool:
    """Tell whether the passages bear the claim out; words of the question need no bearing out.

    A number, a name or a masked value that stands nowhere is made up. Where claim and passages are of different
    languages, only numbers can be compared.
    """
    if not set(PLACEHOLDER.findall(claim)) <= set(PLACEHOLDER.findall(f"{sources} {question}")):
        return False
    said = PLACEHOLDER.sub(" ", _MARK.sub(" ", claim))
    known = _values(f"{sources} {question}")
    if not all(agree(value, known) for value in numbers(said)):
        return False
    if is_chinese(said) != is_chinese(sources):
        return True
    held, asked = content(sources), content(question)
    if names(said) - held - asked or opposed(content(said), held):
        return False
    own = {word for word in content(said) - asked if not word.isdecimal()}
    return len(own - held) <= max(1, (1 - _HELD) * len(own))  # one word may only join what is said


def _values(text: str) -> set[Decimal]:
    """Return the numbers of a text, those written in words too."""
    written = {Decimal(literal(found.group())) for found in _NUMBER.finditer(text.lower())}
    return numbers(text) | written
