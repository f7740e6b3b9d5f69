import asyncio
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from langgraph.store.base import GetOp, InvalidNamespaceError, ListNamespacesOp, MatchCondition, PutOp, SearchOp
from langgraph.store.memory import InMemoryStore
from numpy.typing import NDArray

from tests.examples import examples
from tests.waiting import until
from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import RedisSettings
from twintrack.memory.store import RedisVectorStore


class Letters:
    """Embeds a text by how often it holds a, b, c and d."""

    name = "test:letters"
    dims = 4

    async def embed(self, texts: Any) -> NDArray[np.float32]:
        rows = np.array([[text.count(letter) + 0.001 for letter in "abcd"] for text in texts], np.float32)
        unit: NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return unit

    async def embed_one(self, text: str) -> NDArray[np.float32]:
        row: NDArray[np.float32] = (await self.embed([text]))[0]
        return row


@pytest.fixture
def store(source: RedisSource) -> RedisVectorStore:
    return RedisVectorStore(source)


@pytest.mark.parametrize(
    "namespace",
    [("ACME",), ("a", "b"), ("the", "a"), ("with space", "c:d"), ("x-y", "{z}"), ("用户", "笔记"), ("a/b",)],
)
async def test_a_namespace_is_found_as_it_was_written(store: RedisVectorStore, namespace: tuple[str, ...]) -> None:
    await store.aput(namespace, "k", {"text": "v"})

    item = await store.aget(namespace, "k")
    assert item is not None
    assert (item.namespace, item.key, item.value) == (namespace, "k", {"text": "v"})
    assert [found.key for found in await store.asearch(namespace[:1])] == ["k"]
    assert await store.alist_namespaces() == [namespace]


async def test_namespaces_and_keys_that_differ_in_case_are_different(store: RedisVectorStore) -> None:
    await store.aput(("acme",), "k", {"n": 1})
    await store.aput(("ACME",), "k", {"n": 2})
    await store.aput(("acme",), "K", {"n": 3})
    await store.adelete(("ACME",), "K")

    values = {item.value["n"] for item in await store.asearch(("acme",))}
    assert values == {1, 3}
    assert (await store.aget(("ACME",), "k")).value == {"n": 2}  # type: ignore[union-attr] # it is there
    assert await store.aget(("Acme",), "k") is None


async def test_a_label_never_reaches_another_namespace(store: RedisVectorStore) -> None:
    await store.aput(("a", "b"), "k", {"n": 1})
    await store.aput(("a%2Fb",), "k", {"n": 2})
    await store.aput(("a/b",), "k", {"n": 3})

    assert [item.value["n"] for item in await store.asearch(("a",))] == [1]
    assert [item.value["n"] for item in await store.asearch(("a/b",))] == [3]
    with pytest.raises(InvalidNamespaceError):
        await store.aput(("a.b",), "k", {})
    with pytest.raises(InvalidNamespaceError):
        await store.abatch([GetOp(("",), "k")])


async def test_a_search_finds_its_way_when_the_index_is_lost(store: RedisVectorStore, source: RedisSource) -> None:
    await store.aput(("a",), "k", {"n": 1})
    client: Any = source.client()
    await client.execute_command("FT.DROPINDEX", "twintrack:items:plain")

    assert len(await store.asearch(("a",))) == 1


async def test_many_puts_of_one_key_at_once_leave_one_item(store: RedisVectorStore) -> None:
    await asyncio.gather(*(store.aput(("a",), "k", {"n": n}) for n in range(20)))

    found = await store.asearch(("a",), limit=50)
    assert len(found) == 1
    assert await store.aget(("a",), "k") == found[0]


async def test_an_overwritten_item_keeps_when_it_was_made(store: RedisVectorStore) -> None:
    await store.aput(("a",), "k", {"n": 1})
    first = await store.aget(("a",), "k")
    await store.aput(("a",), "k", {"n": 2})
    second = await store.aget(("a",), "k")

    assert first
    assert second
    assert second.created_at == first.created_at
    assert second.updated_at > first.updated_at


async def test_an_item_goes_when_its_time_is_up_and_a_read_gives_it_more(
    store: RedisVectorStore, source: RedisSource
) -> None:
    await store.aput(("a",), "short", {"n": 1}, ttl=60)
    await store.aput(("a",), "long", {"n": 2})
    client = source.client()
    [key] = [
        name async for name in client.scan_iter() if await client.type(name) == b"hash" and await client.ttl(name) > 0
    ]
    await client.expire(key, 1800)
    assert await store.aget(("a",), "short", refresh_ttl=True)
    assert await client.ttl(key) > 1800
    assert len(await store.asearch(("a",), refresh_ttl=False)) == 2
    await client.pexpire(key, 1)

    async def is_gone() -> bool:
        return await store.aget(("a",), "short", refresh_ttl=False) is None

    await until(is_gone)
    assert [item.key for item in await store.asearch(("a",))] == ["long"]


async def test_a_search_by_meaning_ranks_by_nearness(source: RedisSource) -> None:
    store = RedisVectorStore(source, Letters(), fields=["text"])
    for text in ["aaaa", "aab", "bbb", "ccc"]:
        await store.aput(("n",), text, {"text": text, "long": len(text) > 3})
    await store.aput(("n",), "unindexed", {"text": "aaaaa"}, index=False)
    await store.aput(("other",), "aaaa", {"text": "aaaa"})

    found = await store.asearch(("n",), query="aaa", limit=2)
    assert [item.key for item in found] == ["aaaa", "aab"]
    assert found[0].score == pytest.approx(1, abs=1e-3)
    assert [item.key for item in await store.asearch(("n",), query="aaa", limit=2, offset=1)] == ["aab", "bbb"]
    short = await store.asearch(("n",), query="aaa", filter={"long": False}, limit=3)
    assert [item.key for item in short] == ["aab", "bbb", "ccc"]
    everything = await store.asearch(("n",), query="aaa", limit=10)
    assert (everything[-1].key, everything[-1].score) == ("unindexed", None)


async def test_an_item_put_again_without_index_is_no_longer_found_by_meaning(source: RedisSource) -> None:
    store = RedisVectorStore(source, Letters())
    await store.aput(("n",), "k", {"text": "aaa"})
    await store.aput(("n",), "k", {"text": "aaa"}, index=False)

    assert [item.score for item in await store.asearch(("n",), query="a")] == [None]


async def test_stores_with_different_embedders_share_their_items(source: RedisSource, store: RedisVectorStore) -> None:
    await RedisVectorStore(source, Letters()).aput(("n",), "k", {"text": "aaa"})

    assert [item.key for item in await store.asearch(("n",), query="ignored")] == ["k"]


class MoreLetters(Letters):
    """Another size under the same name, as where a provider is asked for fewer dimensions."""

    dims = 3

    async def embed(self, texts: Any) -> NDArray[np.float32]:
        return (await super().embed(texts))[:, :3]


async def test_vectors_of_one_name_and_two_sizes_never_meet(source: RedisSource) -> None:
    four, three = RedisVectorStore(source, Letters()), RedisVectorStore(source, MoreLetters())
    await four.aput(("n",), "k", {"text": "aaa"})
    await three.aput(("n",), "m", {"text": "bbb"})
    assert [item.key for item in await four.asearch(("n",), query="a") if item.score is not None] == ["k"]
    assert [item.key for item in await three.asearch(("n",), query="b") if item.score is not None] == ["m"]


def test_the_synchronous_methods_work_where_no_loop_runs(redis_url: str) -> None:
    store = RedisVectorStore(RedisSource(RedisSettings.model_validate({"url": redis_url})))
    store.put(("sync",), "k", {"n": 1})

    assert store.get(("sync",), "k").value == {"n": 1}  # type: ignore[union-attr] # it is there
    store.delete(("sync",), "k")
    assert store.get(("sync",), "k") is None


LABELS = st.sampled_from(["a", "A", "b-c", "the", "用"])
SPACES = st.lists(LABELS, min_size=1, max_size=3).map(tuple)
KEYS = st.sampled_from(["k", "K", "k:1", ""])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
VALUES = st.fixed_dictionaries({"n": st.integers(0, 3)}, optional={"extra": JSON})
FILTERS = st.none() | st.sampled_from([{"n": 1}, {"n": {"$gt": 1}}, {"n": {"$ne": 2}}, {"n": {"$lte": 1, "$gte": 1}}])
CONDITIONS = st.none() | st.lists(
    st.builds(
        MatchCondition,
        match_type=st.sampled_from(["prefix", "suffix"]),
        path=st.lists(LABELS | st.just("*"), min_size=1, max_size=2).map(tuple),
    ),
    max_size=2,
).map(tuple)
OPS = st.one_of(
    st.builds(PutOp, SPACES, KEYS, VALUES | st.none(), ttl=st.none() | st.integers(1, 10**15)),
    st.builds(PutOp, SPACES, KEYS, VALUES, ttl=st.none()),
    st.builds(GetOp, SPACES, KEYS),
    st.builds(
        SearchOp, st.lists(LABELS, max_size=2).map(tuple), FILTERS, st.just(1000), offset=st.just(0), query=st.none()
    ),
    st.builds(ListNamespacesOp, CONDITIONS, st.none() | st.integers(1, 2), st.just(1000)),
)


@examples(100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(OPS, min_size=1, max_size=4), max_size=8))
async def test_any_operations_give_what_langgraphs_own_store_gives(
    batches: list[list[Any]], source: RedisSource
) -> None:
    if left := [name async for name in source.client().scan_iter(match="twintrack:item:*")]:
        await source.client().unlink(*left)
    ours, model = RedisVectorStore(source), InMemoryStore()

    for batch in batches:
        listings = [[op] for op in batch if isinstance(op, ListNamespacesOp)]
        for ops in [*listings, [op for op in batch if not isinstance(op, ListNamespacesOp)]]:
            ours_said, model_said = await ours.abatch(ops), await model.abatch(ops)
            assert [_plain(each) for each in ours_said] == [_plain(each) for each in model_said]
            # LangGraph's store goes on listing namespaces that are empty, and lists those it was only asked about.
            for namespace in [space for space, items in model._data.items() if not items]:
                del model._data[namespace]


def _plain(result: Any) -> Any:
    if isinstance(result, list):
        return sorted(map(_plain, result), key=repr)
    return result if isinstance(result, tuple) or result is None else (result.namespace, result.key, result.value)
