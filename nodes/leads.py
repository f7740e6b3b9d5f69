"""Follows what a sentence names and the question does not: the answer to a nested question stands where the name leads."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from twintrack.core.passages import Passage
from twintrack.nodes.extract import Candidate, candidates_in
from twintrack.nodes.sentence_scores import content, coverage, weigh

FOLLOWED = 3
"""Passages whose best sentence is followed, the first ones found."""
_READ = 4
"""Passages of a further look-up that are read."""
_ADDS = 0.2
"""Share of the question's meaning that two sentences must hold beyond what one does."""
_NAME = re.compile(r"\b[A-Z][\w'’-]+(?:\s+(?:of|the|de|von|van)?\s*[A-Z][\w'’-]+)*")

Search = Callable[[str], Awaitable[Sequence[Passage]]]


@dataclass(frozen=True, slots=True)
class Lead:
    """A sentence that bears on the question, and what was found by the names it brings in."""

    said: Candidate
    names: str
    found: Sequence[Passage]


class Chain(NamedTuple):
    """Two sentences that together say what is asked for, the second about what the first one names."""

    question: str
    """What the second one is the answer to: the question, with the names."""
    first: Candidate
    second: Candidate


async def followed(question: str, passages: Sequence[Passage], search: Search) -> list[Lead]:
    """Look further by the names that the best sentences of the first passages bring in, all at once.

    Nothing is looked up where one sentence says almost all that is asked for.
    """
    if _most(passages, _weights(question, passages)) > 1 - _ADDS:
        return []
    said = [one for passage in passages[:FOLLOWED] if (one := _naming(question, passage))]
    named = [_names(question, one) for one in said]
    apart = list(dict.fromkeys(named))
    found = await asyncio.gather(*(search(f"{question} {names}") for names in apart))
    by_names = dict(zip(apart, found, strict=True))
    return [Lead(one, names, by_names[names]) for one, names in zip(said, named, strict=True)]


def chained(question: str, passages: Sequence[Passage], leads: Sequence[Lead]) -> Chain | None:
    """Return the two sentences that say most of the question; None where they say no more than any one does."""
    weights = _weights(question, [*passages, *(one for lead in leads for one in lead.found)])
    chains = [(_together(lead, second, weights), lead, second) for lead in leads for second in _about(lead)]
    if not chains:
        return None
    most, lead, second = max(chains, key=lambda chain: chain[0])
    worth = most >= _most(passages, weights) + _ADDS
    return Chain(f"{question} {lead.names}", lead.said, second) if worth else None


def _naming(question: str, passage: Passage) -> Candidate | None:
    """Return the sentence that says most of the question among those that name somebody or something new."""
    found = candidates_in([passage])
    weights = weigh(question, [one.span.text for one in found])
    naming = [one for one in found if _names(question, one)]
    return max(naming, key=lambda one: (coverage(one.span.text, weights), -one.start), default=None)


def _names(question: str, said: Candidate) -> str:
    asked = content(question)
    return " ".join(dict.fromkeys(name for name in _NAME.findall(said.span.text) if not content(name) <= asked))


def _about(lead: Lead) -> list[Candidate]:
    """Return the sentences elsewhere that hold one of the names."""
    named = content(lead.names)
    elsewhere = [one for one in lead.found[:_READ] if one["id"] != lead.said.passage["id"]]
    return [one for one in candidates_in(elsewhere) if named & content(f"{one.span.text} {one.topic}")]


def _weights(question: str, passages: Sequence[Passage]) -> dict[str, float]:
    return weigh(question, list({one["id"]: one["text"] for one in passages}.values()))


def _together(lead: Lead, second: Candidate, weights: Mapping[str, float]) -> float:
    return coverage(f"{lead.said.span.text} {lead.said.topic} {_around(second)}", weights)


def _most(passages: Sequence[Passage], weights: Mapping[str, float]) -> float:
    return max((coverage(_around(one), weights) for one in candidates_in(passages)), default=0.0)


def _around(one: Candidate) -> str:
    return f"{one.before} {one.span.text} {one.topic}"
