"""Judges the answer cache: how often another question's answer would be given, and how often the right one is found."""

import random
import uuid
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twintrack.core.answer_cache import AnswerCache, Kept, Walls, forget_answers
from twintrack.core.answer_counts import clear_answers
from twintrack.core.context import Identity
from twintrack.core.embeddings import Embedder
from twintrack.core.redis_client import RedisSource
from twintrack.core.same_question import same_question, wording
from twintrack.core.settings import CacheSettings
from twintrack.evals.answer_scores import plain
from twintrack.evals.cache_pairs import Pair, names_in, reworded, swapped
from twintrack.evals.rows import Row, gold_answers, question_of

NEIGHBOURS = 10
"""Questions of the same passage, the nearest ones, that each question is paired with."""
MADE_OF = 1000
"""Questions of each file, chosen by the seed, that near misses and rewordings are made of."""
GRID = tuple(round(0.5 + step / 100, 2) for step in range(0, 50, 2))
BOUND = 0.005
"""Share of near misses whose answer may be given at most."""
NEAR = 0.9
"""Cosine from which two questions with one answer are most likely one question in other words."""
_BATCH = 256

Tick = Callable[[int, int, str], None]
Vectors = Mapping[str, NDArray[np.float32]]
Answers = Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Judged:
    """One pair, with what the cache goes by."""

    pair: Pair
    similarity: float
    agrees: bool
    """Whether every word that could make a difference agrees."""
    group: str

    def hit(self, threshold: float) -> bool:
        """Tell whether the cache gives the one's answer to the other."""
        exact = wording(self.pair.one).exact == wording(self.pair.other).exact
        return exact or (self.agrees and self.similarity >= threshold)

    def near(self, threshold: float) -> bool:
        """Tell whether a cache would that goes by nearness alone."""
        return self.similarity >= threshold


@dataclass(frozen=True, slots=True)
class Material:
    """Questions in groups of one subject each, and all pairs made of them, judged."""

    groups: list[tuple[str, list[str]]]
    judged: list[Judged]
    same_answer: list[Judged]
    """Questions on one passage with one answer, as people asked them: what another way of asking looks like."""
    vectors: Vectors

    @property
    def tuning(self) -> list[Judged]:
        """Return the half that the threshold is chosen on."""
        return [one for one in self.judged if _is_tuning(one.group)]

    @property
    def test(self) -> list[Judged]:
        """Return the other half."""
        return [one for one in self.judged if not _is_tuning(one.group)]

    def chosen(self) -> float:
        """Return the threshold that one half speaks for."""
        return _chosen(self.tuning)

    def rates(self, threshold: float) -> dict[str, float]:
        """Return what a threshold does on the other half."""
        return _rates(self.test, threshold, Judged.hit)


async def prepared(
    files: Sequence[Sequence[Row]], embedder: Embedder, *, seed: int, tick: Tick | None = None
) -> Material:
    """Make the pairs and embed what is in them."""
    chance = random.Random(seed)
    by_file = [_groups(number, rows) for number, rows in enumerate(files)]
    groups = [(name, list(questions)) for found in by_file for name, questions in found.items()]
    answers = [questions for found in by_file for questions in found.values()]
    names = [name for _, questions in groups for question in questions for name in names_in(question)]
    origin = set[str]().union(*(_some(found, chance) for found in by_file))
    made = {name: _made(origin & {*questions}, names, chance) for name, questions in groups}
    texts = {text for pairs in made.values() for pair in pairs for text in (pair.one, pair.other)}
    texts |= {question for _, questions in groups for question in questions}
    vectors = await _vectors(sorted(texts), embedder, tick)
    judged = [_judge(pair, name, vectors) for name, pairs in made.items() for pair in pairs]
    same: list[Judged] = []
    for (name, questions), known in zip(groups, answers, strict=True):
        judged += [_judge(pair, name, vectors) for pair in _neighbours(questions, known, vectors)]
        same += [_judge(pair, name, vectors) for pair in _same_answer(questions, known)]
    return Material(groups, judged, same, vectors)


async def run(material: Material, *, source: RedisSource, embedder: Embedder, shipped: float) -> dict[str, Any]:
    """Choose the threshold on one half of the groups and return the figures of the other."""
    threshold, test = material.chosen(), material.test
    asked = {name: questions for name, questions in material.groups if not _is_tuning(name)}
    return {
        "groups": len(material.groups),
        "near_misses": sum(not one.pair.same for one in test),
        "same_questions": sum(one.pair.same for one in test),
        "threshold": threshold,
        **material.rates(threshold),
        "shipped": {"threshold": shipped, **material.rates(shipped)},
        "same_answer": _of_same_answer(material.same_answer, threshold),
        "by_language": _by(test, threshold, lambda one: one.pair.language),
        "false_hit_rate_by_kind": _by_kind(test, threshold, same=False),
        "true_hit_rate_by_kind": _by_kind(test, threshold, same=True),
        "nearness_alone": _nearness_alone(material.tuning, test),
        "through_redis": await _through_redis(asked, test, material.vectors, threshold, source, embedder),
    }


def _groups(number: int, rows: Sequence[Row]) -> dict[str, dict[str, frozenset[str]]]:
    """Return the distinct questions, each with its answers, by what they are about: passage, conversation or source."""
    found: dict[str, dict[str, dict[str, frozenset[str]]]] = defaultdict(dict)
    for row in rows:
        question = str(question_of(row) or row.get("text") or "").strip()
        about = next(
            (str(row[name]) for name in ("pid", "document_id", "conv", "source", "topic") if row.get(name)), ""
        )
        if question:
            answers = frozenset(plain(answer) for answer in gold_answers(row)) - {""}
            found[f"{number} {about}"].setdefault(wording(question).exact, {question: answers})
    return {
        about: {question: answers for one in questions.values() for question, answers in one.items()}
        for about, questions in found.items()
    }


def _some(groups: Mapping[str, Iterable[str]], chance: random.Random) -> set[str]:
    questions = sorted({question for questions in groups.values() for question in questions})
    return {*chance.sample(questions, min(MADE_OF, len(questions)))}


def _made(questions: Iterable[str], names: Sequence[str], chance: random.Random) -> list[Pair]:
    return [pair for question in sorted(questions) for pair in (*swapped(question, names, chance), *reworded(question))]


def _neighbours(questions: Sequence[str], answers: Answers, vectors: Vectors) -> list[Pair]:
    """Pair each question with the nearest others of its group that have other answers: those ask distinct things."""
    rows = np.stack([vectors[question] for question in questions])
    nearness = rows @ rows.T
    np.fill_diagonal(nearness, -2.0)
    order = np.argsort(-nearness, axis=1)[:, : min(NEIGHBOURS, len(questions) - 1)]
    places = {(min(i, int(j)), max(i, int(j))) for i, nearest in enumerate(order) for j in nearest}
    pairs = [(questions[i], questions[j]) for i, j in sorted(places)]
    return [Pair(*pair, same=False, kind="same passage") for pair in pairs if not _share_answer(*pair, answers)]


def _same_answer(questions: Sequence[str], answers: Answers) -> list[Pair]:
    pairs = combinations(questions, 2)
    return [Pair(*pair, same=True, kind="same answer") for pair in pairs if _share_answer(*pair, answers)]


def _share_answer(one: str, other: str, answers: Answers) -> bool:
    return bool(answers[one] & answers[other])


def _of_same_answer(judged: Sequence[Judged], threshold: float) -> dict[str, float]:
    """Return how many of the questions with one answer the cache sees to be one, of all and of those near in meaning."""
    near = [one for one in judged if one.similarity >= NEAR]
    return {
        "pairs": len(judged),
        "true_hit_rate": round(_share(judged, threshold, Judged.hit, same=True), 4),
        "near_pairs": len(near),
        "true_hit_rate_of_near": round(_share(near, threshold, Judged.hit, same=True), 4),
    }


async def _vectors(texts: Sequence[str], embedder: Embedder, tick: Tick | None) -> Vectors:
    found: dict[str, NDArray[np.float32]] = {}
    for start in range(0, len(texts), _BATCH):
        batch = texts[start : start + _BATCH]
        found |= dict(zip(batch, await embedder.embed(batch), strict=True))
        if tick:
            tick(len(found), len(texts), batch[-1])
    return found


def _judge(pair: Pair, group: str, vectors: Vectors) -> Judged:
    similarity = float(vectors[pair.one] @ vectors[pair.other])
    return Judged(pair, similarity, same_question(pair.one, pair.other), group)


def _is_tuning(group: str) -> bool:
    return zlib.crc32(group.encode()) % 2 == 0


def _chosen(judged: Sequence[Judged], rule: Callable[[Judged, float], bool] = Judged.hit) -> float:
    """Return the threshold that finds most with at most half the allowed false hits; of equal ones the highest."""
    safe = [at for at in GRID if _share(judged, at, rule, same=False) <= BOUND / 2]
    return max(safe or GRID[-1:], key=lambda at: (_share(judged, at, rule, same=True), at))


def _rates(judged: Sequence[Judged], threshold: float, rule: Callable[[Judged, float], bool]) -> dict[str, float]:
    shares = (round(_share(judged, threshold, rule, same=same), 4) for same in (False, True))
    return dict(zip(("false_hit_rate", "true_hit_rate"), shares, strict=True))


def _share(judged: Sequence[Judged], threshold: float, rule: Callable[[Judged, float], bool], *, same: bool) -> float:
    asked = [one for one in judged if one.pair.same == same]
    return sum(rule(one, threshold) for one in asked) / len(asked) if asked else 0.0


def _by(judged: Sequence[Judged], threshold: float, part: Callable[[Judged], str]) -> dict[str, dict[str, float]]:
    names = sorted({part(one) for one in judged})
    return {name: _rates([one for one in judged if part(one) == name], threshold, Judged.hit) for name in names}


def _by_kind(judged: Sequence[Judged], threshold: float, *, same: bool) -> dict[str, float]:
    asked = [one for one in judged if one.pair.same == same]
    key = "true_hit_rate" if same else "false_hit_rate"
    return {name: rates[key] for name, rates in _by(asked, threshold, lambda one: one.pair.kind).items()}


def _nearness_alone(tuning: Sequence[Judged], test: Sequence[Judged]) -> dict[str, float]:
    """Return what a cache would do that goes by cosine alone, at the best threshold it has."""
    threshold = _chosen(tuning, Judged.near)
    at_09 = _rates(test, 0.9, Judged.near)
    return {
        "threshold": threshold,
        **_rates(test, threshold, Judged.near),
        "false_hit_rate_at_.9": at_09["false_hit_rate"],
    }


async def _through_redis(
    groups: Mapping[str, Sequence[str]],
    test: Sequence[Judged],
    vectors: Vectors,
    threshold: float,
    source: RedisSource,
    embedder: Embedder,
) -> dict[str, float]:
    """Keep every second question in a real cache and ask for the others, the near misses and the rewordings."""
    who = Identity(f"eval-{uuid.uuid4().hex}")
    settings = CacheSettings(threshold=threshold, max_entries=1_000_000, ttl_minutes=60)
    cache = AnswerCache(source, embedder, settings)
    walls = Walls(identity=who, shared=True, route="direct", prompt="eval", corpus="eval", model="eval", language="any")
    stored = {question for questions in groups.values() for question in questions[::2]}
    try:
        for question in stored:
            await cache.keep(_entry(question), vectors[question], walls, author=who, thread_id="eval")
        others = {question for questions in groups.values() for question in questions[1::2]}
        misses = others | {one.pair.other for one in test if not one.pair.same and one.pair.one in stored} - stored
        false = [question for question in misses if await _false_hit(cache, question, vectors, walls)]
        same = {one.pair.other for one in test if one.pair.same and one.pair.one in stored}
        true = [question for question in same if await cache.look(question, vectors[question], walls)]
    finally:
        await clear_answers(source, who.tenant_id)
        await forget_answers(source.client(), who, after=-1.0)
    return {
        "kept": len(stored),
        "asked": len(misses) + len(same),
        "false_hit_rate": round(len(false) / max(1, len(misses)), 4),
        "true_hit_rate": round(len(true) / max(1, len(same)), 4),
    }


async def _false_hit(cache: AnswerCache, question: str, vectors: Vectors, walls: Walls) -> bool:
    return any(found.how == "similar" for found in await cache.look(question, vectors[question], walls))


def _entry(question: str) -> Kept:
    draft = {"status": "answered", "text": "", "citations": []}
    return Kept(question=question, draft=draft, decision=None, memory="", took_ms=0, tokens=0, created_at=0.0)
