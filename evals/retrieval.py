"""Judges retrieval through the product's Redis path: is the document that holds the answer found, and how high."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from twintrack.core.context import Identity
from twintrack.core.corpus import Corpus
from twintrack.core.embeddings import Embedder
from twintrack.core.errors import DocumentError
from twintrack.evals.rows import Row, gold_documents, is_unanswerable, question_of

_DEPTH = 10
_PASSAGES = 50
"""Passages asked for, so that ten documents come of them."""


async def run(
    corpus: Corpus,
    embedder: Embedder,
    rows: Sequence[Row],
    *,
    identity: Identity,
    tick: Callable[[int, int, str], None] | None = None,
) -> dict[str, Any]:
    """Search for every row that names its documents and return the figures; unanswerable rows are left out.

    Raises:
        DocumentError: no row names its documents.
    """
    asked = [row for row in rows if gold_documents(row) and not is_unanswerable(row)]
    if not asked:
        raise DocumentError(
            "No row names the documents that answer it.", fix='give rows a "pid" or "required_documents"'
        )
    ranks, recalls, times = [], [], []
    for number, row in enumerate(asked):
        began = time.perf_counter()
        found = await _documents(corpus, embedder, question_of(row), identity)
        times.append((time.perf_counter() - began) * 1000)
        gold = gold_documents(row)
        ranks.append(next((rank for rank, document in enumerate(found, start=1) if document in gold), None))
        recalls.append(len(gold & set(found)) / len(gold))
        if tick:
            tick(number + 1, len(asked), question_of(row))
    return _figures(ranks, recalls, sorted(times))


async def _documents(corpus: Corpus, embedder: Embedder, question: str, identity: Identity) -> list[str]:
    passages = await corpus.search(question, partial(embedder.embed_one, question), identity=identity, limit=_PASSAGES)
    return list(dict.fromkeys(passage["document_id"] for passage in passages))[:_DEPTH]


def _figures(ranks: list[int | None], recalls: list[float], times: list[float]) -> dict[str, Any]:
    count = len(ranks) or 1
    hits = {f"hit@{k}": round(sum(bool(rank and rank <= k) for rank in ranks) / count, 4) for k in (1, 5, 10)}
    return {
        "questions": len(ranks),
        **hits,
        "recall@10": round(sum(recalls) / count, 4),
        "mrr": round(sum(1 / rank for rank in ranks if rank) / count, 4),
        "search_ms": {"p50": round(times[len(times) // 2], 2) if times else 0.0},
    }
