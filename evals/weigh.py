"""Chooses how much meaning counts beside words in one corpus: on half of the questions, judged on the other half."""

import random
from collections.abc import Callable, Sequence
from typing import Any

from twintrack.core.context import Identity
from twintrack.core.corpus import Corpus
from twintrack.core.embeddings import Embedder
from twintrack.core.settings import RetrievalSettings
from twintrack.evals import retrieval
from twintrack.evals.rows import Row

WEIGHTS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8)
Open = Callable[[RetrievalSettings], Corpus]


async def run(
    open_corpus: Open,
    settings: RetrievalSettings,
    embedder: Embedder,
    rows: Sequence[Row],
    *,
    identity: Identity,
    tick: Callable[[int, int, str], None] | None = None,
) -> dict[str, Any]:
    """Return the weight that ranks the answer's document best, and what it changes for questions it was not chosen on."""
    shuffled = random.Random(0).sample(list(rows), len(rows))
    chosen_on, judged_on = shuffled[::2], shuffled[1::2]
    tried: dict[float, float] = {}

    async def figures(weight: float, some: Sequence[Row]) -> dict[str, Any]:
        corpus = open_corpus(settings.model_copy(update={"vector_weight": weight, "vector_weights": {}}))
        return await retrieval.run(corpus, embedder, some, identity=identity)

    for number, weight in enumerate(sorted({*WEIGHTS, settings.vector_weight})):
        tried[weight] = (await figures(weight, chosen_on))["mrr"]
        if tick:
            tick(number + 1, len(WEIGHTS) + 1, f"weight {weight}")
    # Of equals, the one nearest to what is set: nothing changes without a reason.
    best = max(tried, key=lambda weight: (tried[weight], -abs(weight - settings.vector_weight)))
    before, after = await figures(settings.vector_weight, judged_on), await figures(best, judged_on)
    if after["mrr"] <= before["mrr"]:  # what does not hold on the other half is chance
        best, after = settings.vector_weight, before
    return {
        "vector_weight": {"before": settings.vector_weight, "after": best},
        "mrr_by_weight": {str(weight): mrr for weight, mrr in tried.items()},
        "held_out": {"before": _told(before), "after": _told(after)},
    }


def _told(figures: dict[str, Any]) -> dict[str, Any]:
    return {name: figures[name] for name in ("questions", "hit@1", "hit@5", "recall@10", "mrr")}
