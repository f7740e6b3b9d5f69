"""The answer cache on real Redis: found inside its walls, never through them, bounded, and gone when it must be."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from tests.examples import examples
from tests.waiting import PATIENCE_S, until
from twintrack.core.answer_cache import AnswerCache, Found, Kept, Walls, answers_of, forget_answers
from twintrack.core.context import Identity
from twintrack.core.embeddings import LocalEmbedder
from twintrack.core.flights import Flights
from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import CacheSettings, RedisSettings

ANNE, BOB, RIVAL = Identity("acme", "anne"), Identity("acme", "bob"), Identity("rival", "anne")
QUESTION = "How tall is the lighthouse of Lindwick?"
EMBEDDER = LocalEmbedder()


def walls(identity: Identity = ANNE, shared: bool = True, /, **parts: str) -> Walls:
    given: dict[str, str] = {
        "route": "direct",
        "prompt": "1",
        "corpus": "docs@1",
        "model": "m",
        "language": "en",
        **parts,
    }
    return Walls(identity=identity, shared=shared, **given)


def kept(question: str = QUESTION, *, memory: str = "", at: float = 1.0) -> Kept:
    draft = {"status": "answered", "text": f"About {question}", "citations": []}
    return Kept(question=question, draft=draft, decision=None, memory=memory, took_ms=90, tokens=7, created_at=at)


async def keep(cache: AnswerCache, one: Kept, within: Walls, thread: str = "t", author: Identity = ANNE) -> str:
    vector = await EMBEDDER.embed_one(one["question"])
    return await cache.keep(one, vector, within, author=author, thread_id=thread)


async def look(cache: AnswerCache, question: str, within: Walls) -> Found | None:
    found = await cache.look(question, await EMBEDDER.embed_one(question), within)
    return found[0] if found else None


@pytest.fixture
def cache(source: RedisSource) -> AnswerCache:
    return AnswerCache(source, EMBEDDER, CacheSettings())


async def test_the_same_question_in_other_words_is_found_and_another_question_is_not(cache: AnswerCache) -> None:
    await keep(cache, kept(), walls())
    same = await look(cache, "how tall is the lighthouse of lindwick", walls())
    assert same is not None
    assert (same.how, same.kept["draft"]["text"]) == ("exact", f"About {QUESTION}")
    other_words = await look(cache, "Could you tell me how tall the lighthouse of Lindwick is?", walls())
    assert other_words is not None
    assert other_words.how == "similar"
    for other in ("How tall is the lighthouse of Marrow?", "How old is the lighthouse of Lindwick?", "How tall?", ""):
        assert await look(cache, other, walls()) is None


async def test_a_script_without_meaning_to_the_embedder_is_found_by_its_text_alone(cache: AnswerCache) -> None:
    question = "מה גובה המגדלור?"
    await keep(cache, kept(question), walls())
    assert (await look(cache, f"  {question} ", walls())) is not None
    assert (await look(cache, "מה גובה הבניין?", walls())) is None


@pytest.mark.parametrize("wall", ["route", "prompt", "corpus", "model", "language"])
async def test_every_wall_holds_and_minds_case(cache: AnswerCache, wall: str) -> None:
    await keep(cache, kept(), walls(**{wall: "x|y"}))
    assert await look(cache, QUESTION, walls(**{wall: "x|y"})) is not None
    for other in ("X|Y", "x", "y", "x|", "*", "", "x|y ", "x, y"):
        assert await look(cache, QUESTION, walls(**{wall: other})) is None


async def test_answers_of_another_embedder_are_never_found(cache: AnswerCache, source: RedisSource) -> None:
    class Renamed(LocalEmbedder):
        name = "local:use-multilingual/v3"  # the same index name as the other's

    await keep(cache, kept(), walls())
    assert await look(AnswerCache(source, Renamed(), CacheSettings()), QUESTION, walls()) is None


async def test_a_users_own_answer_is_found_by_that_user_alone(cache: AnswerCache) -> None:
    await keep(cache, kept(memory="likes tea"), walls(ANNE, False))
    assert await look(cache, QUESTION, walls()) is not None
    for stranger in (BOB, RIVAL, Identity("acme", "ANNE"), Identity("acme", ""), Identity("acme", "all")):
        assert await look(cache, QUESTION, walls(stranger)) is None


NAMES = st.sampled_from(
    ["a", "A", "all", "*", "", "%", "a|b", "b", "user a", "a}", "{a", "a:b", "a b", "中", "é", "\t"]
) | (st.text(alphabet="aA*|{}:%\\-@ \"'中", max_size=4))


@examples(25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(owners=st.lists(st.tuples(NAMES, NAMES, st.booleans()), min_size=2, max_size=6, unique=True))
def test_no_answer_crosses_a_wall_whatever_the_names(redis_url: str, owners: list[tuple[str, str, bool]]) -> None:
    async def probe() -> None:
        source = RedisSource(RedisSettings.model_validate({"url": redis_url}))
        await source.client().flushall()
        cache = AnswerCache(source, EMBEDDER, CacheSettings())
        for tenant, user, shared in owners:
            one = kept()
            one["draft"]["text"] = json.dumps([tenant, user, shared])
            await keep(cache, one, walls(Identity(tenant, user), shared), author=Identity(tenant, user))
        for tenant, user, _ in owners:
            found = await look(cache, QUESTION, walls(Identity(tenant, user)))
            if found is None:
                continue
            whose_tenant, whose_user, was_shared = json.loads(found.kept["draft"]["text"])
            assert whose_tenant == tenant
            assert was_shared or whose_user == user
        for tenant, user, shared in owners:
            assert await look(cache, QUESTION, walls(Identity(tenant, user))) is not None or shared is None
        await source.aclose()

    asyncio.run(probe())


async def test_an_answer_lives_as_long_as_the_settings_say(source: RedisSource) -> None:
    cache = AnswerCache(source, EMBEDDER, CacheSettings(ttl_minutes=1))
    key = await keep(cache, kept(), walls())
    assert 55 <= await source.client().ttl(key) <= 60
    await source.client().pexpire(key, 1)
    await asyncio.sleep(0.003)
    assert await look(cache, QUESTION, walls()) is None


async def test_the_oldest_answers_of_a_tenant_make_room(source: RedisSource) -> None:
    cache = AnswerCache(source, EMBEDDER, CacheSettings(max_entries=3))
    await keep(cache, kept("Where is it?"), walls(RIVAL), author=RIVAL)
    for number in range(6):
        await keep(cache, kept(f"What is rule {number}?", at=float(number)), walls())
    left = [number for number in range(6) if await look(cache, f"What is rule {number}?", walls())]
    assert left == [3, 4, 5]
    assert await look(cache, "Where is it?", walls(RIVAL)) is not None


async def test_what_a_thread_left_after_a_moment_is_forgotten(cache: AnswerCache, source: RedisSource) -> None:
    client = source.client()
    for number, thread in ((1, "t"), (2, "t"), (3, "t:2"), (4, "t")):
        await keep(cache, kept(f"What is rule {number}?", at=float(number)), walls(), thread)
    assert await forget_answers(client, BOB, thread_id="t", after=0.0) == 0
    assert await forget_answers(client, ANNE, thread_id="t", after=1.0) == 2
    left = [record["question"] async for record in answers_of(client, ANNE)]
    assert left == ["What is rule 1?", "What is rule 3?"]
    assert await look(cache, "What is rule 4?", walls()) is None
    assert await forget_answers(client, ANNE) == 2
    assert [name async for name in client.scan_iter("*anne*")] == []


async def test_a_lost_index_is_made_anew(cache: AnswerCache, source: RedisSource) -> None:
    await keep(cache, kept(), walls())
    client: Any = source.client()
    for name in await client.execute_command("FT._LIST"):
        await client.execute_command("FT.DROPINDEX", name)
    assert await look(cache, QUESTION, walls()) is not None


HALF_A_LEASE_MS = 1000


async def _land(flights: Flights, name: str, after: float) -> None:
    await asyncio.sleep(after)
    await flights.land(name)


def looking(found: list[str]) -> Callable[[], Awaitable[str | None]]:
    async def look() -> str | None:
        return found[0] if found else None

    return look


async def test_of_equal_questions_one_works_and_the_others_get_its_answer(source: RedisSource) -> None:
    flights, found = Flights(source), list[str]()
    assert await flights.take_off("twintrack:f")
    assert not await flights.take_off("twintrack:f")
    waiting = asyncio.gather(*(flights.wait("twintrack:f", looking(found), seconds=PATIENCE_S) for _ in range(5)))
    await asyncio.sleep(0.05)
    found.append("41 metres")
    await flights.land("twintrack:f")
    assert await waiting == [("41 metres", False)] * 5


async def test_who_waits_works_alone_where_the_first_had_nothing_to_keep(source: RedisSource) -> None:
    flights = Flights(source)
    await flights.take_off("twintrack:f")
    waiting = asyncio.gather(*(flights.wait("twintrack:f", looking([]), seconds=PATIENCE_S) for _ in range(3)))
    await asyncio.gather(waiting, _land(flights, "twintrack:f", 0.03))
    assert waiting.result() == [(None, False)] * 3


async def test_after_a_crash_one_of_those_who_wait_takes_over(source: RedisSource) -> None:
    flights = Flights(source, lease_s=0.2)
    await flights.take_off("twintrack:f")
    waiting = [asyncio.create_task(flights.wait("twintrack:f", looking([]), seconds=PATIENCE_S)) for _ in range(3)]
    done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED, timeout=PATIENCE_S)
    assert [task.result() for task in done] == [(None, True)]
    await flights.land("twintrack:f")
    await asyncio.gather(*waiting)


async def test_who_works_longer_than_a_lease_still_holds_the_others_back(source: RedisSource) -> None:
    lease_s = 2 * HALF_A_LEASE_MS / 1000
    flights, others, found = Flights(source, lease_s=lease_s), Flights(source, lease_s=lease_s), list[str]()

    async def is_renewed() -> bool:
        return bool(await source.client().pttl("twintrack:f") > HALF_A_LEASE_MS)

    await flights.take_off("twintrack:f", holder="t", seconds=PATIENCE_S)
    waiting = asyncio.gather(*(others.wait("twintrack:f", looking(found), seconds=PATIENCE_S) for _ in range(3)))
    for _ in range(5):  # more renewals than one lease has
        await source.client().pexpire("twintrack:f", HALF_A_LEASE_MS)
        await until(is_renewed)
    assert not waiting.done()
    found.append("41 metres")
    await flights.land("twintrack:f")
    assert await waiting == [("41 metres", False)] * 3


@pytest.mark.parametrize("left", [True, False])
async def test_a_lease_ends_soon_after_its_holder_left_or_was_too_slow(source: RedisSource, left: bool) -> None:
    flights, other = Flights(source, lease_s=0.2), Flights(source, lease_s=0.2)
    await flights.take_off("twintrack:f", holder="t", seconds=60 if left else 0.3)
    if left:
        flights.leave("t")
    assert await other.wait("twintrack:f", looking([]), seconds=PATIENCE_S) == (None, True)
    await flights.land("twintrack:f")
    assert not await flights.take_off("twintrack:f")  # who comes back late does not end another's flight


async def test_nobody_waits_longer_than_the_limit(source: RedisSource) -> None:
    flights = Flights(source, lease_s=30)
    await flights.take_off("twintrack:f")
    assert await flights.wait("twintrack:f", looking([]), seconds=0.1) == (None, False)


async def test_flights_are_walled_like_answers(cache: AnswerCache) -> None:
    names = {
        cache.flight(QUESTION, walls()),
        cache.flight(QUESTION, walls(RIVAL)),
        cache.flight(QUESTION, walls(corpus="docs@2")),
        cache.flight(QUESTION, walls(), memory="tea"),
        cache.flight(QUESTION, walls(BOB), memory="tea"),
        cache.flight("How old is it?", walls()),
    }
    assert len(names) == 6
    assert cache.flight(QUESTION, walls(BOB)) == cache.flight(QUESTION.lower(), replace(walls(), identity=ANNE))
