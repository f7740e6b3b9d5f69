"""What goes wrong in threads kept by LangGraph's own Redis saver, and does not in ours."""

import json
from contextlib import suppress
from typing import Any

import pytest
from langgraph.checkpoint.base.id import uuid6
from langgraph.checkpoint.serde.base import CipherProtocol
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.store.redis.aio import AsyncRedisStore
from redis.asyncio import Redis, UnixDomainSocketConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redisvl.exceptions import RedisVLError

from tests.contract.both_savers import OURS, STOCK, both, fails, opened
from tests.contract.checkpoint_makers import checkpoint, config, id_of, ids, put, state
from twintrack.core.errors import RedisUnavailable
from twintrack.core.redis_client import RedisSource


async def _keys(source: RedisSource, part: str = "") -> list[bytes]:
    return [key async for key in source.client().scan_iter(match=f"*{part}*")]


@pytest.mark.parametrize("kind", [STOCK, OURS])
async def test_both_keep_a_plain_thread(kind: str, source: RedisSource) -> None:
    """Without this, a stock saver that was opened wrongly would fail every test below, as it should."""
    saver = await opened(kind, source.client())
    first = await put(saver, "t", {"n": 1})
    second = await put(saver, "t", {"n": 2}, parent=first)
    await saver.aput_writes(second, [("n", 3)], "task")

    found = await saver.aget_tuple(config("t"))
    assert found.checkpoint["channel_values"] == {"n": 2}
    assert found.parent_config["configurable"]["checkpoint_id"] == id_of(first)
    assert found.pending_writes == [("task", "n", 3)]
    assert await ids(saver, config("t")) == [id_of(second), id_of(first)]
    await saver.adelete_thread("t")
    assert await saver.aget_tuple(config("t")) is None


@both()
async def test_listing_before_a_version_gives_the_older_ones(kind: str, source: RedisSource) -> None:
    saver = await opened(kind, source.client())
    stored = [await put(saver, "t", {"n": n}) for n in range(4)]

    assert await ids(saver, config("t"), before=stored[2]) == [id_of(stored[1]), id_of(stored[0])]
    assert await ids(saver, config("t"), before=stored[2], limit=1) == [id_of(stored[1])]


@both()
async def test_the_root_namespace_is_not_every_namespace(kind: str, source: RedisSource) -> None:
    saver = await opened(kind, source.client())
    root, _ = await put(saver, "t", {"n": 1}), await put(saver, "t", {"n": 2}, ns="child")

    assert await ids(saver, config("t")) == [id_of(root)]


@both(ValueError)
async def test_a_filter_on_metadata_of_ones_own_finds_it(kind: str, source: RedisSource) -> None:
    saver = await opened(kind, source.client())
    for score in range(3):
        await put(saver, "t", {"n": score}, score=score)

    assert len(await ids(saver, config("t"), filter={"score": 2})) == 1
    assert await ids(saver, config("t"), filter={"nothing": 1}) == []


@both()
async def test_metadata_of_the_config_is_kept(kind: str, source: RedisSource) -> None:
    saver = await opened(kind, source.client())
    new = checkpoint({})
    await saver.aput(config("t", tenant="acme"), new, {"source": "loop", "step": 1}, {})

    assert (await saver.aget_tuple(config("t"))).metadata.get("tenant") == "acme"


@both()
async def test_a_listing_never_gives_the_versions_of_a_thread_named_in_other_case(
    kind: str, source: RedisSource
) -> None:
    saver = await opened(kind, source.client())
    for thread in ("user-abc", "User-ABC"):
        await put(saver, thread, {"who": thread})

    found = [each.checkpoint["channel_values"] async for each in saver.alist(config("user-abc"))]
    assert found == [{"who": "user-abc"}]


@both()
async def test_pruning_a_thread_leaves_a_thread_named_in_other_case_and_its_own_newest(
    kind: str, source: RedisSource
) -> None:
    saver = await opened(kind, source.client())
    for thread in ("user-abc", "User-ABC"):
        await put(saver, thread, {"who": thread})

    await saver.aprune(["user-abc"])
    assert await state(saver, config("user-abc")) == {"who": "user-abc"}
    assert await state(saver, config("User-ABC")) == {"who": "User-ABC"}


@both(ValueError)
async def test_pruning_no_thread_is_no_error(kind: str, source: RedisSource) -> None:
    await (await opened(kind, source.client())).aprune([])


class Cut(UnixDomainSocketConnection):
    """A connection that breaks after so many commands."""

    left = 1_000_000

    async def send_packed_command(self, *words: Any, **options: Any) -> Any:
        if Cut.left <= 0:
            raise RedisConnectionError("cut")
        Cut.left -= 1
        return await super().send_packed_command(*words, **options)


@both()
async def test_a_version_is_stored_whole_or_not_at_all(
    kind: str, redis_url: str, source: RedisSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Redis.from_url(redis_url, retry=Retry(NoBackoff(), 0))
    client.connection_pool.connection_class = Cut
    async with client:
        saver = await opened(kind, client)
        for sent in range(4):
            thread = f"t{sent}"
            first = await put(saver, thread, {"n": 1})
            monkeypatch.setattr(Cut, "left", sent)
            with suppress(RedisConnectionError, RedisUnavailable, RedisVLError):
                await put(saver, thread, {"n": 2}, parent=first)
            monkeypatch.setattr(Cut, "left", 1_000_000)
            found = await saver.aget_tuple(config(thread))
            assert (await ids(saver, config(thread)))[0] == found.checkpoint["id"]


@both()
async def test_the_largest_id_is_the_newest_whenever_it_arrives(kind: str, source: RedisSource) -> None:
    saver = await opened(kind, source.client())
    first, second = checkpoint({"n": 1}), checkpoint({"n": 2})
    for late in (second, first):
        await saver.aput(config("t"), late, {"source": "loop", "step": 1}, late["channel_versions"])

    assert (await saver.aget_tuple(config("t"))).checkpoint["id"] == second["id"]


@both()
async def test_a_thread_in_use_keeps_its_older_versions(kind: str, source: RedisSource) -> None:
    saver = await opened(kind, source.client(), ttl={"default_ttl": 1, "refresh_on_read": True})
    first = await put(saver, "t", {"n": 1})
    for key in await _keys(source):
        await source.client().expire(key, 30)
    second = await put(saver, "t", {"n": 2}, parent=first)
    assert min([await source.client().ttl(key) for key in await _keys(source)]) > 30

    found = await saver.aget_tuple(second)
    assert await saver.aget_tuple(found.parent_config) is not None


@both()
async def test_every_key_expires_also_where_writes_come_without_their_version(kind: str, source: RedisSource) -> None:
    saver = await opened(kind, source.client(), ttl={"default_ttl": 1, "refresh_on_read": True})
    await saver.aput_writes(config("t", "", checkpoint({})["id"]), [("n", 1)], "task")

    assert -1 not in [await source.client().ttl(key) for key in await _keys(source)]


@both()
async def test_writes_without_their_version_are_no_version(kind: str, source: RedisSource) -> None:
    saver, missing = await opened(kind, source.client()), config("t", "", checkpoint({})["id"])
    await saver.aput_writes(missing, [("n", 1)], "task")

    assert await saver.aget_tuple(missing) is None


@both()
async def test_deleting_a_thread_leaves_no_key(kind: str, source: RedisSource) -> None:
    saver = await opened(kind, source.client())
    await saver.aput_writes(await put(saver, "t", {"n": 1}), [("n", 2)], "task")
    await saver.aput_writes(config("t", "", checkpoint({})["id"]), [("n", 2)], "task")

    await saver.adelete_thread("t")
    assert await _keys(source) == []


@both()
async def test_a_write_that_is_there_stays(kind: str, source: RedisSource) -> None:
    saver = await opened(kind, source.client())
    where = await put(saver, "t", {})
    await saver.aput_writes(where, [("a", 1)], "task")
    await saver.aput_writes(where, [("a", 2)], "task")

    assert (await saver.aget_tuple(where)).pending_writes == [("task", "a", 1)]


@both()
async def test_writes_come_in_the_order_of_their_tasks_paths(kind: str, source: RedisSource) -> None:
    saver = await opened(kind, source.client())
    where = await put(saver, "t", {})
    for path, task in [("~2", "a"), ("~1", "c"), ("~1", "b"), ("", "z")]:
        await saver.aput_writes(where, [("x", index) for index in range(11)], task, path)

    found = await saver.aget_tuple(where)
    assert found.pending_writes == [(task, "x", index) for task in "zbca" for index in range(11)]


@both(NotImplementedError)
async def test_a_thread_can_be_copied(kind: str, source: RedisSource) -> None:
    saver = await opened(kind, source.client())
    await put(saver, "t", {"n": 1})

    await saver.acopy_thread("t", "copy")
    assert await state(saver, config("copy")) == {"n": 1}


@both(NotImplementedError)
async def test_what_a_run_stored_can_be_deleted(kind: str, source: RedisSource) -> None:
    saver = await opened(kind, source.client())
    first = await put(saver, "t", {"n": 1}, run_id="r1")
    await put(saver, "t", {"n": 2}, parent=first, run_id="r2")

    await saver.adelete_for_runs(["r2"])
    assert await state(saver, config("t")) == {"n": 1}


MANY = 10_050


@both()
async def test_a_listing_goes_past_ten_thousand_versions(kind: str, source: RedisSource) -> None:
    saver = await _with_many(kind, source)

    assert sum([1 async for _ in saver.alist(config("t"))]) == MANY


@both()
async def test_a_deletion_goes_past_ten_thousand_versions(kind: str, source: RedisSource) -> None:
    saver = await _with_many(kind, source)

    await saver.adelete_thread("t")
    assert await _keys(source, "t:") == []


async def _with_many(kind: str, source: RedisSource) -> Any:
    saver, client = await opened(kind, source.client()), source.client()
    if kind == OURS:
        puts = [saver.prepare(config("t"), checkpoint({}), {"source": "loop", "step": 1}, {}) for _ in range(MANY)]
        await saver.storage.put("t", puts)
        return saver
    id_ = id_of(await put(saver, "t", {}))
    name = next(key for key in await _keys(source, id_))
    row = json.dumps(await client.json().get(name.decode()))
    async with client.pipeline(transaction=False) as pipe:
        for new in (str(uuid6()) for _ in range(MANY - 1)):
            pipe.execute_command("JSON.SET", name.replace(id_.encode(), new.encode()), "$", row.replace(id_, new))
        await pipe.execute()
    return saver


class Xor(CipherProtocol):
    """No cipher to rely on; enough to see whether anything is enciphered at all."""

    def encrypt(self, plaintext: bytes) -> tuple[str, bytes]:
        return "xor", bytes(byte ^ 0x5A for byte in plaintext)

    def decrypt(self, ciphername: str, ciphertext: bytes) -> bytes:
        return bytes(byte ^ 0x5A for byte in ciphertext)


@both()
async def test_an_encrypting_serializer_leaves_no_plain_word_in_redis(kind: str, source: RedisSource) -> None:
    saver = await opened(kind, source.client())
    saver.serde = EncryptedSerializer(Xor(), saver.serde)
    where = await put(saver, "t", {"note": "secret-word"}, note="secret-word")
    await saver.aput_writes(where, [("note", "secret-word")], "task")

    await source.client().config_set("rdbcompression", "no")
    held = [await source.client().dump(key) for key in await _keys(source)]
    assert not any(b"secret-word" in (each or b"") for each in held)
    assert (await state(saver, config("t"))) == {"note": "secret-word"}


@fails(TypeError)
async def test_the_stock_store_can_be_opened(source: RedisSource) -> None:
    AsyncRedisStore(redis_client=source.client())
