"""Judges how often weak evidence mends a wrong first choice, through the direct track's own grade step."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from twintrack.core.context import Identity
from twintrack.core.corpus import Corpus
from twintrack.core.embeddings import Embedder
from twintrack.core.passages import Passage
from twintrack.evals.rows import Tick
from twintrack.nodes.grade import grade, graded
from twintrack.nodes.state import DirectState

Figures = dict[str, Any]
MOST = 400
"""Questions of each label that are searched for."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that the router sent straight on, and whether that was right."""

    text: str
    source: str
    is_complex: bool


async def run(
    corpus: Corpus,
    embedder: Embedder,
    direct: Sequence[Asked],
    *,
    weak: float,
    identity: Identity,
    tick: Tick | None = None,
) -> Figures:
    """Search for questions that went straight on, grade what is found, and return who is sent on to the team.

    `repairs` is the share of the complex questions sent on; `needless` is that of the simple ones, the price.
    """
    asked = _sample(direct)
    sent: list[bool] = []
    for number, one in enumerate(asked, start=1):
        passages = await corpus.search(one.text, await embedder.embed_one(one.text), identity=identity)
        sent.append(await _sent_on(one.text, passages, weak))
        if tick:
            tick(number, len(asked), one.text)
    both = list(zip(asked, sent, strict=True))
    sources = sorted({one.source for one in asked})
    by_source = {name: _shares([pair for pair in both if pair[0].source == name]) for name in sources}
    return {"judged": len(asked), **_shares(both), "by_source": by_source}


async def _sent_on(question: str, passages: list[Passage], weak: float) -> bool:
    state = DirectState(messages=[], question=question, query=question, passages=passages, tried=[])
    judged: Any = {**state, **await grade(state)}
    return not judged["draft"] and graded(weak)(judged) != "answer"


def _sample(direct: Sequence[Asked]) -> list[Asked]:
    chosen = random.Random(0)
    both = ([one for one in direct if one.is_complex == label] for label in (True, False))
    return [one for few in both for one in (few if len(few) <= MOST else chosen.sample(few, MOST))]


def _shares(both: Sequence[tuple[Asked, bool]]) -> Figures:
    return {
        "wrongly_direct": sum(one.is_complex for one, _ in both),
        "repairs": _share([sent for one, sent in both if one.is_complex]),
        "rightly_direct": sum(not one.is_complex for one, _ in both),
        "needless": _share([sent for one, sent in both if not one.is_complex]),
    }


def _share(sent: Sequence[bool]) -> float | None:
    return round(sum(sent) / len(sent), 4) if sent else None
