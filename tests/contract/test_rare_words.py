"""Among very many records a question's rare words lead, and what is found is scored as if all did."""

import random
from functools import partialmethod
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

from tests.contract.test_text_scores import SCHEMA
from twintrack.core import rare_words
from twintrack.core.hybrid import HybridSearch, Row, hybrid
from twintrack.core.rare_words import leading
from twintrack.core.redis_client import RedisSource
from twintrack.core.redis_index import ContractIndex

HELD = {"theorem": 0.05, "lemma": 0.1, "proof": 0.7, "number": 0.9}
"""Words, and the share of records that they stand in."""
ASKED = ["number", "proof", "theorem", "lemma", "proof"]


async def filled(source: RedisSource) -> ContractIndex:
    index, client, dice = await source.index(SCHEMA), source.client(), random.Random(7)
    for number in range(300):
        said = [word for word, share in HELD.items() if dice.random() < share] + ["filler"] * dice.randint(1, 30)
        fields: dict[Any, Any] = {"tenant": "a" if number % 2 else "b", "words": " ".join(said)}
        await client.hset(f"scores:{number}", mapping=fields | {"vector": np.ones(2, np.float32).tobytes()})
    return index


async def found(index: ContractIndex, *, led: int, candidates: int = 10) -> dict[str, float]:
    search = HybridSearch(
        index="scores",
        words=ASKED,
        vector=np.ones(2, np.float32),
        filters={"tenant": "a"},
        fields=(),
        vector_weight=0.0,
        candidates=candidates,
        led=led,
    )
    rows: list[Row] = await hybrid(index, search, limit=300)
    return {row.key: row.text_score for row in rows if row.text_score}


async def test_the_best_are_found_with_the_same_scores(source: RedisSource, monkeypatch: pytest.MonkeyPatch) -> None:
    index, asked = await filled(source), Mock(side_effect=HybridSearch.by_words)
    monkeypatch.setattr(HybridSearch, "by_words", partialmethod(asked))
    every, led = await found(index, led=0), await found(index, led=60)
    assert asked.call_args.kwargs["led_by"] == {"theorem", "lemma"}
    assert led == pytest.approx({key: every[key] for key in led})
    assert set(list(every)[:5]) <= led.keys()


async def test_where_rare_words_find_too_few_any_word_does(source: RedisSource) -> None:
    index = await filled(source)
    every = await found(index, led=0, candidates=200)
    assert len(every) > 100
    assert await found(index, led=1, candidates=200) == pytest.approx(every)


async def test_a_server_that_tells_no_sizes_is_searched_by_all_words(source: RedisSource) -> None:
    index = await filled(source)
    client: Any = source.client()
    user = ("ACL", "SETUSER", "default")
    await client.execute_command(*user, "-ft.profile")
    try:
        assert await found(index, led=60) == pytest.approx(await found(index, led=0))
        assert rare_words._refused[client] > 0
    finally:
        await client.execute_command(*user, "+@all")


@pytest.mark.parametrize(
    "profile",
    [
        {b"profile": {b"Iterators profile": [{b"Type": b"TEXT", b"Term": b"fee", b"Counter": 0, b"Size": 7}]}},
        [[0], [[b"Iterators profile", [b"Type", b"TEXT", b"Term", b"fee", b"Counter", 0, b"Size", 7]]]],
        {b"Profile": {b"Shards": [{b"Term": b"fee", b"Estimated number of matches": 7}]}},
    ],
)
def test_sizes_are_read_from_servers_of_any_age(profile: Any) -> None:
    assert list(rare_words._sizes(profile)) == [("fee", 7)]


@pytest.mark.parametrize(
    ("most", "led"),
    [(0, {"unknown", "rare"}), (10, {"unknown", "rare"}), (20, {"unknown", "rare", "known"}), (900, set("x"))],
)
def test_the_rarest_lead_until_they_stand_in_enough_records(most: int, led: set[str]) -> None:
    sizes = {"rare": 4, "known": 15, "common": 500}
    every = {"common", "known", "rare", "unknown"}
    assert leading(every, sizes, most) == (every if most == 900 else led)
