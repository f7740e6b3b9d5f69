"""Judges what memory finds again: the evidence among past turns, and the preference that bears on a question."""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime

import numpy as np
from langchain_core.messages import HumanMessage

from twintrack.core.context import Identity
from twintrack.core.embeddings import Embedder
from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import MemorySettings
from twintrack.evals.rows import Row, question_of
from twintrack.memory.facts import Origin, Statement
from twintrack.memory.schemas import Turn
from twintrack.memory.tiers import Memory

EPISODES, FACTS = 10, 3
_DATES = ("%I:%M %p on %d %B, %Y", "%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y/%m/%d")


async def run(
    turns: Sequence[Row], data: Sequence[Row], *, source: RedisSource, embedder: Embedder
) -> dict[str, float | dict[str, float]]:
    """Put the turns and preferences into memory, each conversation a user, and return the share found again.

    Rows of `data` with `evidence` ask for turns (recall@10); rows with a `preference` ask for it (hit@3). A
    figure is left out where no row asks for it.
    """
    memory = Memory(source, embedder, MemorySettings())
    tenant = f"eval-{uuid.uuid4().hex}"
    asked = [row for row in data if row.get("evidence")]
    preferences = [row for row in data if row.get("preference")]
    users = {str(row["conv"]) for row in turns} | {f"profile-{i}" for i in range(len(preferences))}
    try:
        figures: dict[str, float | dict[str, float]] = {}
        if asked:
            figures |= await _turns_found(memory, tenant, turns, asked)
        if preferences:
            figures["hit@3"] = await _preferences_found(memory, tenant, preferences)
        return figures
    finally:
        for user in users:
            await memory.erase(Identity(tenant, user))


async def _turns_found(
    memory: Memory, tenant: str, turns: Sequence[Row], asked: Sequence[Row]
) -> dict[str, float | dict[str, float]]:
    for conversation in {str(row["conv"]): None for row in turns}:
        said = [row for row in turns if str(row["conv"]) == conversation]
        await memory.episodes.add(_as_turns(said), identity=Identity(tenant, conversation))
    by_category: dict[str, list[float]] = defaultdict(list)
    for row in asked:
        vector = await memory.facts.embedder.embed_one(question_of(row))
        found = await memory.episodes.recall(
            question_of(row), vector, identity=Identity(tenant, str(row["conv"])), limit=EPISODES
        )
        ids = {episode["turn_id"] for episode in found}
        by_category[str(row.get("category", "none"))].append(float(np.mean([each in ids for each in _evidence(row)])))
    shares = [share for each in by_category.values() for share in each]
    return {
        "recall@10": float(np.mean(shares)),
        "recall@10_by_category": {name: float(np.mean(each)) for name, each in sorted(by_category.items())},
    }


def _evidence(row: Row) -> list[str]:
    found = row["evidence"]
    return [str(one) for one in found] if isinstance(found, list) else str(found).replace(";", " ").split()


def _topic(row: Row) -> str:
    return str(row.get("topic", ""))


def _as_turns(said: Sequence[Row]) -> list[Turn]:
    lines = [_line(row) for row in said]
    return [
        Turn(
            thread_id=str(row["conv"]),
            turn_id=str(row["dia_id"]),
            question=lines[i],
            answer="",
            route="direct",
            status="answered",
            created_at=_moment(row.get("date")),
            messages=[HumanMessage(line) for line in lines[: i + 1]],
        )
        for i, row in enumerate(said)
    ]


def _line(row: Row) -> str:
    caption = f" ({row['caption']})" if row.get("caption") else ""
    speaker = f"{row['speaker']}: " if row.get("speaker") else ""
    return f"{speaker}{row['text']}{caption}"


def _moment(date: object) -> float:
    """Return when a turn was said; the beginning of time where the row does not tell in words that are understood."""
    for form in _DATES:
        with suppress(ValueError):
            return datetime.strptime(str(date), form).replace(tzinfo=UTC).timestamp()
    return 0.0


async def _preferences_found(memory: Memory, tenant: str, rows: Sequence[Row]) -> float:
    """Give each user one preference per topic; ask each question of the user it belongs to."""
    counts: dict[str, int] = defaultdict(int)
    owners = []
    for row in rows:
        owners.append(Identity(tenant, f"profile-{counts[_topic(row)]}"))
        counts[_topic(row)] += 1
    for row, identity in zip(rows, owners, strict=True):
        statement = Statement(row["preference"], f"{_topic(row)}:{counts[_topic(row)]}")
        await memory.facts.add([statement], identity=identity, origin=Origin())
    hits = []
    for row, identity in zip(rows, owners, strict=True):
        vector = await memory.facts.embedder.embed_one(question_of(row))
        found = await memory.facts.recall(question_of(row), vector, identity=identity, limit=FACTS)
        hits.append(row["preference"] in {fact["text"] for fact in found})
    return float(np.mean(hits))
