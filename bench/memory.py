"""How long a recall of the three tiers takes, beside a plain RedisVL query and LangGraph's InMemoryStore."""

import asyncio
import statistics
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from langchain_core.messages import HumanMessage
from langgraph.store.base import PutOp
from langgraph.store.memory import InMemoryStore
from redisvl.query import VectorQuery
from redisvl.query.filter import Tag

from twintrack.bench.memory_records import THREAD, Remembering, filled_memory
from twintrack.bench.retrieval import spread
from twintrack.bench.synthetic_corpus import WHO, Tick
from twintrack.core.embeddings import Embedder, Vector, open_embedder
from twintrack.core.keys import encode
from twintrack.core.redis_check import check_server
from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import MemorySettings, load_settings

_WARM_UP = 10
_OURS = "ours"
Ask = Callable[[str, Vector], Awaitable[Any]]


class Took(NamedTuple):
    """What one question took, in milliseconds."""

    wall: float
    cpu: float
    """Of this process; the server's is not in it."""


Round = dict[str, list[Took]]


async def measure(records: int, users: int, questions: int, rounds: int, tick: Tick) -> dict[str, Any]:
    """Return milliseconds per recall, with and without embedding the question, and ours over each peer's."""
    settings = load_settings()
    embedder, source = open_embedder(settings.models), RedisSource(settings.redis)
    asked = questions * rounds + _WARM_UP
    try:
        await check_server(source)
        async with filled_memory(
            source, embedder, MemorySettings(), records=records, users=users, questions=asked, tick=tick
        ) as filled:
            done = await _rounds(filled, embedder, questions)
    finally:
        await source.aclose()
    return {"records": records, "users": users, "rounds_done": len(done), **_figures(done)}


async def _rounds(filled: Remembering, embedder: Embedder, questions: int) -> list[Round]:
    known: dict[str, Vector] = {}
    sides = {
        _OURS: _ours(filled),
        "redisvl VectorQuery": await _redisvl(filled),
        "InMemoryStore": await _store(filled, known),
    }
    await _round(sides, embedder, known, filled.questions[:_WARM_UP])
    starts = range(_WARM_UP, len(filled.questions), questions)
    return [await _round(sides, embedder, known, filled.questions[at : at + questions]) for at in starts]


async def _round(
    sides: dict[str, Ask], embedder: Embedder, known: dict[str, Vector], questions: Sequence[str]
) -> Round:
    """Embed each question once, and ask it of all sides, another one first each time."""
    took: Round = defaultdict(list)
    names = list(sides)
    for number, question in enumerate(questions):
        began = _now()
        vector = known[question] = await embedder.embed_one(question)
        took["embedding"].append(_since(began))
        turned = number % len(names)
        for name in names[turned:] + names[:turned]:
            began = _now()
            await sides[name](question, vector)
            took[name].append(_since(began))
    return took


def _now() -> Took:
    return Took(time.perf_counter() * 1000, time.process_time() * 1000)


def _since(began: Took) -> Took:
    now = _now()
    return Took(now.wall - began.wall, now.cpu - began.cpu)


def _figures(done: Sequence[Round]) -> dict[str, Any]:
    peers = [name for name in done[0] if name not in (_OURS, "embedding")]

    def both(kind: int, name: str, embedded: bool) -> list[list[float]]:
        """Return each round's times of a side."""
        return [
            [side[kind] + embedded * first[kind] for side, first in zip(one[name], one["embedding"], strict=True)]
            for one in done
        ]

    def ratio(kind: int, embedded: bool) -> dict[str, float]:
        ours = [statistics.median(times) for times in both(kind, _OURS, embedded)]
        theirs = {peer: [statistics.median(times) for times in both(kind, peer, embedded)] for peer in peers}
        return {
            peer: round(statistics.median(a / b for a, b in zip(ours, times, strict=True)), 2)
            for peer, times in theirs.items()
        }

    def spreads(kind: int, name: str, embedded: bool = False) -> dict[str, float]:
        """Return the medians over the rounds."""
        each = [spread(times) for times in both(kind, name, embedded)]
        return {share: round(statistics.median(one[share] for one in each), 2) for share in each[0]}

    return {
        "recall_ms": spreads(0, _OURS),
        "recall_cpu_ms": spreads(1, _OURS)["p50"],
        "peers": {peer: spreads(0, peer) for peer in peers},
        "peers_cpu_ms": {peer: spreads(1, peer)["p50"] for peer in peers},
        "ratio": ratio(0, embedded=False),
        "ratio_cpu": ratio(1, embedded=False),
        "embedding_ms": spreads(0, "embedding")["p50"],
        "recall_with_embedding_ms": spreads(0, _OURS, embedded=True),
        "ratio_with_embedding": ratio(0, embedded=True),
    }


def _ours(filled: Remembering) -> Ask:
    async def ask(question: str, vector: Vector) -> Any:
        talk = [*filled.talk, HumanMessage(question, id="now")]
        found = await filled.memory.recall(question, vector, identity=WHO, thread_id=THREAD, messages=talk)
        return _all_there(found["facts"]), _all_there(found["episodes"]), _all_there(found["summary"])

    return ask


async def _redisvl(filled: Remembering) -> Ask:
    """Return how RedisVL alone finds the nearest of the user's, as many of each kind as a recall brings."""
    memory = filled.memory
    facts, episodes = await memory.facts.records.index(), await memory.episodes.records.index()
    mine = (Tag("tenant") == encode(WHO.tenant_id)) & (Tag("user") == encode(WHO.user_id))

    def query(vector: Vector, limit: int) -> VectorQuery:
        return VectorQuery(
            vector.tobytes(), "vector", return_fields=["data"], filter_expression=mine, num_results=limit
        )

    async def ask(_: str, vector: Vector) -> Any:
        found = await asyncio.gather(
            facts.query(query(vector, memory.settings.facts_limit)),
            episodes.query(query(vector, memory.settings.episodes_limit)),
        )
        return [_all_there(each) for each in found]

    return ask


async def _store(filled: Remembering, known: dict[str, Vector]) -> Ask:
    """Return how LangGraph's store finds them, with nobody else's records in it and no text to embed."""
    settings = filled.memory.settings
    kinds = {"facts": (filled.facts, settings.facts_limit), "episodes": (filled.episodes, settings.episodes_limit)}

    async def embed(texts: Sequence[str]) -> list[list[float]]:
        return [known[text].tolist() for text in texts]

    store = InMemoryStore(index={"dims": len(filled.facts[0].vector), "embed": embed, "fields": ["words"]})
    for kind, (records, _) in kinds.items():
        known |= {one.id: one.vector for one in records}
        await store.abatch([PutOp((WHO.user_id, kind), one.id, {**one.data, "words": one.id}) for one in records])

    async def ask(question: str, _: Vector) -> Any:
        found = await asyncio.gather(
            *(store.asearch((WHO.user_id, kind), query=question, limit=limit) for kind, (_, limit) in kinds.items())
        )
        return [_all_there(each) for each in found]

    return ask


def _all_there(found: Any) -> Any:
    """Return what was found; a recall that finds nothing is quick, and says nothing.

    Raises:
        RuntimeError: nothing was found.
    """
    if not found:
        raise RuntimeError("a recall found nothing")
    return found
