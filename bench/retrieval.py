"""How long a recall step takes: embedding a question and searching a large corpus, beside plain RedisVL queries."""

import asyncio
import time
import warnings
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from redisvl.query import TextQuery, VectorQuery
from redisvl.query.filter import Tag

from twintrack.app.long_lived import loaded_set_aside
from twintrack.bench.synthetic_corpus import NOISE, WHO, Filled, Tick, filled_corpus
from twintrack.core.crowds import Crowds
from twintrack.core.embeddings import Embedder, open_embedder
from twintrack.core.hybrid import Vector, hybrid
from twintrack.core.keys import encode
from twintrack.core.passage_search import PassageSearch
from twintrack.core.redis_check import check_server
from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import load_settings

CLIENTS = (1, 4, 16)
_WARM_UP = 20
_DEEP = 10
Ask = Callable[[str], Awaitable[Any]]
Nearest = Callable[[Vector], Awaitable[list[str]]]


async def measure(chunks: int, questions: int, rounds: int, tick: Tick, **retrieval: Any) -> dict[str, Any]:
    """Return milliseconds per recall step, of one client and of many, with peers asked in turn in the same run."""
    settings = load_settings()
    embedder, source = open_embedder(settings.models), RedisSource(settings.redis)
    chosen = settings.retrieval.model_copy(update={name: value for name, value in retrieval.items() if value})
    # A question is never asked twice of one side: the embedder remembers the latest ones.
    asked = (questions + _WARM_UP) * (1 + rounds * len(CLIENTS))
    try:
        await check_server(source)
        async with filled_corpus(source, embedder, chosen, chunks=chunks, questions=asked, tick=tick) as filled:
            with loaded_set_aside():  # as the server does once it has started
                figures = await _measured(filled, embedder, questions, rounds)
    finally:
        await source.aclose()
    return {"chunks": chunks, "vector_index": chosen.vector_index, "vector_type": chosen.vector_type, **figures}


async def _measured(filled: Filled, embedder: Embedder, questions: int, rounds: int) -> dict[str, Any]:
    sides = _sides(filled, embedder)
    pool = iter(filled.questions)
    taken = [next(pool) for _ in range(questions + _WARM_UP)]
    for name, ask in sides.items():
        for question in taken[:_WARM_UP]:
            await ask(_marked(question, name))
    alone: dict[str, list[float]] = {name: [] for name in sides}
    for question in taken[_WARM_UP:]:
        for name, ask in sides.items():
            alone[name].append(await timed(ask, _marked(question, name)))
    together: dict[int, list[float]] = {count: [] for count in CLIENTS}
    for _ in range(rounds):
        for count in CLIENTS:
            together[count] += await _crowd(sides["ours"], [next(pool) for _ in range(questions)], count)
    return {
        "recall_step_ms": spread(alone.pop("ours")),
        "clients": {str(count): spread(times) for count, times in together.items()},
        "peers": {name: spread(times) for name, times in alone.items()},
        "recall@10": await recall(filled, walled(filled)),
        "vector_recall@10": await recall(filled, _plain(filled)),
    }


def _marked(question: str, side: str) -> str:
    """Return the question so that no side finds its vector remembered by another."""
    return f"{question} {len(side)}"


def _sides(filled: Filled, embedder: Embedder) -> dict[str, Ask]:
    mine = Tag("tenant") == encode(WHO.tenant_id)

    async def ours(question: str) -> Any:
        return await filled.corpus.search(question, partial(embedder.embed_one, question), identity=WHO)

    async def vector(question: str) -> Any:
        kind = filled.settings.vector_type
        found = np.asarray(await embedder.embed_one(question), kind).tobytes()
        query = VectorQuery(
            found, "vector", return_fields=["text"], filter_expression=mine, num_results=_DEEP, dtype=kind
        )
        return await filled.index.query(query)

    async def words(question: str) -> Any:
        query = TextQuery(
            question, "words", return_fields=["text"], filter_expression=mine, num_results=_DEEP, stopwords="english"
        )
        with warnings.catch_warnings():
            # The peer leaves common words out, as it does by default, of an index that holds them all.
            warnings.filterwarnings("ignore", "Query-time stopwords are configured", UserWarning)
            return await filled.index.query(query)

    async def embed(question: str) -> Any:
        return await embedder.embed_one(question)

    return {"ours": ours, "redisvl VectorQuery": vector, "redisvl TextQuery (BM25)": words, "embedding alone": embed}


async def timed(ask: Ask, question: str) -> float:
    """Return how many milliseconds an answer takes."""
    began = time.perf_counter()
    await ask(question)
    return (time.perf_counter() - began) * 1000


async def _crowd(ask: Ask, questions: Sequence[str], clients: int) -> list[float]:
    """Ask from so many clients at once, each its next question when the last is answered."""
    pool, times = iter(questions), []

    async def client() -> None:
        for question in pool:
            times.append(await timed(ask, question))  # noqa: PERF401

    await asyncio.gather(*(client() for _ in range(clients)))
    return times


async def recall(filled: Filled, nearest: Nearest) -> float:
    """Return the share of the ten truly nearest passages that are found, near passages slightly disturbed."""
    dice, shares = np.random.default_rng(3), []
    some = filled.vectors[dice.integers(0, len(filled.vectors), 100)]
    disturbed = some + dice.standard_normal(some.shape, np.float32) * (NOISE / some.shape[1] ** 0.5)
    for vector in disturbed / np.linalg.norm(disturbed, axis=1, keepdims=True):
        true = {str(place) for place in np.argsort(-(filled.vectors @ vector))[:_DEEP]}
        shares.append(len(true & set(await nearest(vector))) / _DEEP)
    return round(float(np.mean(shares)), 4)


def walled(filled: Filled) -> Nearest:
    """Return how the product itself looks for the nearest of a caller's passages."""

    async def nearest(vector: Vector) -> list[str]:
        led = await Crowds().led(filled.index, WHO)
        search = PassageSearch(filled.index, await filled.corpus.layout(), filled.settings, None, led)
        rows = await hybrid(filled.index, search.candidates("", vector, WHO), limit=_DEEP)
        return [row.key.rsplit(":", 1)[-1] for row in rows]

    return nearest


def _plain(filled: Filled) -> Nearest:
    """Return how RedisVL looks for the nearest of all passages."""

    async def nearest(vector: Vector) -> list[str]:
        kind = filled.settings.vector_type
        query = VectorQuery(vector.tolist(), "vector", return_fields=["document"], num_results=_DEEP, dtype=kind)
        return [row["document"].removeprefix("d") for row in await filled.index.query(query)]

    return nearest


def spread(times: Sequence[float]) -> dict[str, float]:
    """Return the middle and the slow end of some times."""
    return {f"p{share}": round(float(np.percentile(times, share)), 2) for share in (50, 95, 99)}
