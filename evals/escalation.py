"""Judges how often weak evidence mends a wrong first choice, through the direct track's own steps."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from twintrack.core.context import Identity
from twintrack.core.corpus import Corpus
from twintrack.core.embeddings import Embedder
from twintrack.core.passages import Passage
from twintrack.evals.rows import Tick
from twintrack.nodes.answer import quote
from twintrack.nodes.grade import grade, graded
from twintrack.nodes.state import DirectState
from twintrack.nodes.step_down import after_direct

Figures = dict[str, Any]
MOST = 400
"""Questions of a kind that are searched for."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, what it needs, and where the router sent it."""

    text: str
    source: str
    is_complex: bool
    direct: bool


async def run(
    corpus: Corpus,
    embedder: Embedder,
    asked: Sequence[Asked],
    *,
    weak: float,
    identity: Identity,
    tick: Tick | None = None,
) -> Figures:
    """Search for questions, grade what is found, and return which are sent on to the team.

    They are where the evidence is weak, or none of its sentences can be the answer.

    `repairs` is the share sent on of the complex questions that went straight on, `complex_sent_on` that of all
    complex ones had they gone straight on too; `needless` is that of the simple ones, the price.
    """
    asked = _sample(asked)
    sent: list[bool] = []
    for number, one in enumerate(asked, start=1):
        passages = await corpus.search(one.text, await embedder.embed_one(one.text), identity=identity)
        sent.append(await _sent_on(one.text, passages, embedder, weak))
        if tick:
            tick(number, len(asked), one.text)
    both = list(zip(asked, sent, strict=True))
    sources = sorted({one.source for one in asked})
    by_source = {name: _shares([pair for pair in both if pair[0].source == name]) for name in sources}
    return {"judged": len(asked), **_shares(both), "by_source": by_source}


async def _sent_on(question: str, passages: list[Passage], embedder: Embedder, weak: float) -> bool:
    state = DirectState(messages=[], question=question, query=question, passages=passages, tried=[])
    judged: Any = {**state, **await grade(state)}
    if judged["draft"]:
        return False
    if graded(weak)(judged) != "answer":
        return True
    judged |= await quote(judged, embedder=embedder)
    return after_direct(judged, {}) == "team"


def _sample(asked: Sequence[Asked]) -> list[Asked]:
    chosen = random.Random(0)
    kinds = ((True, True), (True, False), (False, True))
    groups = ([one for one in asked if (one.is_complex, one.direct) == kind] for kind in kinds)
    return [one for few in groups for one in (few if len(few) <= MOST else chosen.sample(few, MOST))]


def _shares(both: Sequence[tuple[Asked, bool]]) -> Figures:
    wrong = [sent for one, sent in both if one.is_complex and one.direct]
    right = [sent for one, sent in both if not one.is_complex]
    return {
        "wrongly_direct": len(wrong),
        "repairs": _share(wrong),
        "rightly_direct": len(right),
        "needless": _share(right),
        "complex": sum(one.is_complex for one, _ in both),
        "complex_sent_on": _share([sent for one, sent in both if one.is_complex]),
    }


def _share(sent: Sequence[bool]) -> float | None:
    return round(sum(sent) / len(sent), 4) if sent else None
