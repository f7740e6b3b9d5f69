"""What each kind of vector index finds and costs, side by side."""

import time
from functools import partial
from itertools import product
from typing import Any

from twintrack.bench.retrieval import recall, spread, timed, walled
from twintrack.bench.synthetic_corpus import WHO, Filled, Tick, filled_corpus
from twintrack.core.embeddings import Embedder, open_embedder
from twintrack.core.redis_check import check_server
from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import load_settings

_WARM_UP = 10


async def measure_kinds(chunks: int, questions: int, tick: Tick) -> dict[str, Any]:
    """Return, for each kind, the share of the nearest found, milliseconds per recall step, megabytes and seconds to fill.

    The server's own milliseconds tell kinds apart where other programs have the machine meanwhile.
    """
    settings = load_settings()
    embedder, source = open_embedder(settings.models), RedisSource(settings.redis)
    figures: dict[str, Any] = {"chunks": chunks}
    try:
        await check_server(source)
        for index, kind in product(("hnsw", "flat"), ("float32", "float16")):
            chosen = settings.retrieval.model_copy(update={"vector_index": index, "vector_type": kind})
            began, asked = time.perf_counter(), questions + _WARM_UP
            async with filled_corpus(source, embedder, chosen, chunks=chunks, questions=asked, tick=tick) as filled:
                filling = time.perf_counter() - began
                figures[f"{index} {kind}"] = await _of_one(filled, source, embedder) | {"fill_s": round(filling, 1)}
    finally:
        await source.aclose()
    return figures


async def _of_one(filled: Filled, source: RedisSource, embedder: Embedder) -> dict[str, Any]:
    async def ask(question: str) -> Any:
        return await filled.corpus.search(question, partial(embedder.embed_one, question), identity=WHO)

    began = await _worked_ms(source)
    times = [await timed(ask, question) for question in filled.questions]
    worked = await _worked_ms(source) - began
    info = await filled.index.info()
    return {
        "recall@10": await recall(filled, walled(filled)),
        "recall_step_ms": spread(times[_WARM_UP:]),
        "server_cpu_ms": round(worked / len(times), 2),
        "vectors_mb": round(float(info["vector_index_sz_mb"]), 1),
    }


async def _worked_ms(source: RedisSource) -> float:
    """Return the processor time that the server has taken so far."""
    taken = await source.client().info("cpu")
    return (float(taken["used_cpu_user"]) + float(taken["used_cpu_sys"])) * 1000
