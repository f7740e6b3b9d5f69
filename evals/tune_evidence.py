"""Chooses the bars of evidence: on half of the articles, judged on the other half."""

import zlib
from collections.abc import Sequence

import numpy as np

from twintrack.evals.train_answerable import Sample
from twintrack.evals.tuned import Change

GRID = tuple(round(step / 100, 2) for step in range(5, 81))
NEEDLESS = 0.09
"""Share of the answerable questions that weak evidence may send on to the team for nothing."""
PASSES_ACROSS = 0.07
"""Share of questions that no passage answers, in another language, which may be quoted to all the same."""


def weak_evidence(found: Sequence[Sample], before: float) -> list[Change]:
    """Return the highest bar under which few answerable questions lie; nothing where there are none to choose on."""
    chosen_on, judged_on = _halves(found)
    if not any(one.kind == "answerable" for one in chosen_on):
        return []
    after = max((bar for bar in GRID if _below(chosen_on, "answerable", bar) <= NEEDLESS), default=before)
    kinds = {"answerable": "answerable sent on for nothing", "elsewhere": "sent on where the article is gone"}
    return [
        Change("weak_evidence", before, after, figure, _share(judged_on, kind, before), _share(judged_on, kind, after))
        for kind, figure in kinds.items()
    ]


def near_across(nearness: Sequence[float], before: float) -> list[Change]:
    """Return the bar that few sentences pass which answer nothing, in another language than the question's."""
    chosen_on, judged_on = nearness[::2], nearness[1::2]
    if not judged_on:
        return []
    after = round(float(np.quantile(chosen_on, 1 - PASSES_ACROSS)), 3)
    shares = (round(float(np.mean([one < bar for one in judged_on])), 4) for bar in (before, after))
    return [Change("withhold.near_across", before, after, "withheld in another language", *shares)]


def _halves(found: Sequence[Sample]) -> tuple[list[Sample], list[Sample]]:
    places = [zlib.crc32(sample.article.encode()) % 2 for sample in found]
    first, second = ([one for one, place in zip(found, places, strict=True) if place == half] for half in (0, 1))
    return first, second


def _below(found: Sequence[Sample], kind: str, bar: float) -> float:
    asked = [one.evidence < bar for one in found if one.kind == kind]
    return sum(asked) / len(asked) if asked else 0.0


def _share(found: Sequence[Sample], kind: str, bar: float) -> float | None:
    return round(_below(found, kind, bar), 4) if any(one.kind == kind for one in found) else None
