import asyncio
import threading
from typing import Any

import pytest
from redis.asyncio import BlockingConnectionPool, Redis, RedisCluster

from tests.contract.checkpoint_makers import checkpoint, config, id_of, ids, put, state
from twintrack.core.errors import Conflict, RedisUnavailable, UnknownThread
from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import RedisSettings
from twintrack.memory.checkpoints import VersionedRedisSaver


@pytest.fixture
def saver(source: RedisSource) -> VersionedRedisSaver:
    return VersionedRedisSaver(source=source)


async def _keys(source: RedisSource) -> list[bytes]:
    return [key async for key in source.client().scan_iter()]


@pytest.mark.parametrize(
    ("one", "other"),
    [("user-abc", "User-ABC"), ("t", "t{x}"), ("a:b", "a%3Ab"), ("用户", "用戶"), ("a b", "a*b"), ("", "%")],
)
async def test_threads_with_different_ids_never_meet(saver: VersionedRedisSaver, one: str, other: str) -> None:
    await put(saver, one, {"who": one})
    await put(saver, other, {"who": other})

    assert await state(saver, config(one)) == {"who": one}
    assert len(await ids(saver, config(one))) == 1
    await saver.aprune([one])
    await saver.adelete_thread(one)
    assert await state(saver, config(other)) == {"who": other}


async def test_braces_in_a_thread_id_do_not_move_its_keys(saver: VersionedRedisSaver, source: RedisSource) -> None:
    await saver.aput_writes(await put(saver, "a{b}c{d}", {"n": 1}, run_id="r"), [("n", 2)], "task")

    tags = {key[key.index(b"{") : key.rindex(b"}") + 1] for key in await _keys(source) if b":checkpoint:" in key}
    assert tags == {b"{a%7Bb%7Dc%7Bd%7D}"}


async def test_listing_before_a_version_gives_the_older_ones(saver: VersionedRedisSaver) -> None:
    stored = [await put(saver, "t", {"n": n}) for n in range(4)]

    older = [id_of(stored[1]), id_of(stored[0])]
    assert await ids(saver, config("t"), before=stored[2]) == older
    assert await ids(saver, config("t"), before=stored[2]["configurable"]) == older
    assert await ids(saver, config("t"), before=stored[2], limit=1) == older[:1]
    assert await ids(saver, {"configurable": {"thread_id": "t"}}, before=stored[2]) == older
    assert await ids(saver, config("t"), limit=0) == []


async def test_the_root_namespace_is_not_every_namespace(saver: VersionedRedisSaver) -> None:
    root, child = await put(saver, "t", {"n": 1}), await put(saver, "t", {"n": 2}, ns="child")
    prefixed = await put(saver, "t", {"n": 3}, ns="child2")

    assert await ids(saver, config("t")) == [id_of(root)]
    assert await ids(saver, config("t", "child")) == [id_of(child)]
    assert await ids(saver, {"configurable": {"thread_id": "t"}}) == [id_of(prefixed), id_of(child), id_of(root)]
    assert await state(saver, config("t")) == {"n": 1}


async def test_any_metadata_can_be_listed_by(saver: VersionedRedisSaver) -> None:
    for n in range(3):
        where = config("t", tenant="acme" if n else "other", score=n)
        await saver.aput(where, checkpoint({}), {"source": "loop", "step": n}, {})

    assert len(await ids(saver, config("t"), filter={"tenant": "acme"})) == 2
    assert len(await ids(saver, config("t"), filter={"tenant": "acme", "score": 2})) == 1
    assert len(await ids(saver, config("t"), filter={"tenant": "acme"}, limit=1)) == 1
    assert await ids(saver, config("t"), filter={"nothing": 1}) == []
    assert len(await ids(saver, None, filter={"step": 1})) == 1


class Counting(Redis):
    """Counts its round trips."""

    trips = 0

    async def execute_command(self, *words: Any, **options: Any) -> Any:
        self.trips += 1
        return await super().execute_command(*words, **options)  # type: ignore[no-untyped-call] # the vendor's own


async def test_each_operation_of_a_run_is_one_round_trip(redis_url: str, source: RedisSource) -> None:
    counting: Any = Counting.from_url(redis_url)
    async with counting as client:
        saver = VersionedRedisSaver(redis_client=client, ttl_minutes=5)
        where = await put(saver, "t", {"n": 1}, run_id="r")
        await saver.aput_writes(where, [("n", 1)], "task")
        await saver.aget_tuple(where)
        client.trips = 0

        await put(saver, "t", {"n": 2}, parent=where, run_id="r")
        await saver.aput_writes(where, [("n", 1), ("m", 2)], "task-2")
        await saver.aget_tuple(config("t"))
        assert client.trips == 3
        await saver.aget_tuple(where)
        assert client.trips == 4


async def test_a_write_that_is_there_stays_and_an_answer_replaces(saver: VersionedRedisSaver) -> None:
    where = await put(saver, "t", {})
    await saver.aput_writes(where, [("a", 1), ("b", 1)], "task", "p")
    await saver.aput_writes(where, [("a", 2), ("b", 2), ("c", 2)], "task", "p")
    await saver.aput_writes(where, [("__resume__", "no")], "task", "p")
    await saver.aput_writes(where, [("__resume__", "yes")], "task", "p")

    found = await saver.aget_tuple(where)
    assert found is not None
    assert found.pending_writes == [
        ("task", "__resume__", "yes"),
        ("task", "a", 1),
        ("task", "b", 1),
        ("task", "c", 2),
    ]


async def test_writes_may_come_before_their_checkpoint(saver: VersionedRedisSaver) -> None:
    new = checkpoint({})
    await saver.aput_writes(config("t", "", new["id"]), [("a", 1)], "task")
    assert await saver.aget_tuple(config("t")) is None
    where = await saver.aput(config("t"), new, {"source": "loop"}, {})

    found = await saver.aget_tuple(where)
    assert found is not None
    assert found.pending_writes == [("task", "a", 1)]


async def test_more_channels_than_lua_can_unpack_are_stored_and_read(saver: VersionedRedisSaver) -> None:
    values = {f"channel-{n}": n for n in range(9000)}
    where = await put(saver, "t", values)
    await saver.aput_writes(where, [*values.items()], "task")

    found = await saver.aget_tuple(where)
    assert found is not None
    assert found.checkpoint["channel_values"] == values
    assert len(found.pending_writes or []) == 9000
    await saver.aprune(["t"])
    assert await state(saver, config("t")) == values


@pytest.mark.parametrize("refresh", [True, False])
async def test_every_key_of_a_thread_expires_with_it(source: RedisSource, refresh: bool) -> None:
    saver = VersionedRedisSaver(source=source, ttl={"default_ttl": 10, "refresh_on_read": refresh})
    where = await put(saver, "t", {"n": 1}, run_id="r", user_id="ada")
    await put(saver, "t", {"n": 1}, ns="child", run_id="r2")
    await saver.aput_writes(where, [("n", 2)], "task")
    client = source.client()

    async def lives() -> list[int]:
        return [await client.pttl(key) for key in await _keys(source)]

    assert len(await lives()) == 7
    # The index of a run outlives the threads it names.
    assert sorted(life > 600_000 for life in await lives()) == [False] * 5 + [True] * 2
    assert all(590_000 < life <= 1_200_000 for life in await lives())
    for key in await _keys(source):
        await client.pexpire(key, 5000)
    await saver.aget_tuple(config("t"))
    assert sum(life > 590_000 for life in await lives()) == (5 if refresh else 0)
    await put(saver, "t", {"n": 3})
    assert sum(life > 590_000 for life in await lives()) == 5


async def test_minus_one_keeps_a_thread_for_good(source: RedisSource) -> None:
    await put(VersionedRedisSaver(source=source, ttl_minutes=5), "t", {"n": 1})
    await put(VersionedRedisSaver(source=source, ttl={"default_ttl": -1}), "t", {"n": 2})

    assert {await source.client().ttl(key) for key in await _keys(source)} == {-1}


async def test_deleting_a_thread_leaves_no_key(saver: VersionedRedisSaver, source: RedisSource) -> None:
    for ns in ["", "child", "child:1|deep"]:
        where = await put(saver, "t", {"n": 1}, ns=ns, run_id="r", user_id="ada")
        await saver.aput_writes(where, [("n", 2)], "task")
    await saver.aput_writes(config("t", "", "not-there"), [("n", 2)], "task")

    await saver.adelete_thread("t")

    assert await _keys(source) == []


async def test_a_run_is_deleted_in_every_namespace_with_values_nothing_else_uses(
    saver: VersionedRedisSaver, source: RedisSource
) -> None:
    kept = await put(saver, "t", {"n": "old"}, run_id="r1")
    for ns in ["", "child"]:
        gone = await put(saver, "t", {"n": "new"}, ns=ns, parent=kept, run_id="r2")
        await saver.aput_writes(gone, [("n", 2)], "task")
    size = await source.client().hlen("twintrack:checkpoint:{t}:blobs")

    await saver.adelete_for_runs(["r2"])

    assert await ids(saver, {"configurable": {"thread_id": "t"}}) == [id_of(kept)]
    assert (size, await source.client().hlen("twintrack:checkpoint:{t}:blobs")) == (3, 1)
    assert await source.client().hlen("twintrack:checkpoint:{t}:writes") == 0
    assert b"twintrack:run:r2" not in await _keys(source)
    await saver.adelete_for_runs(["r1"])
    assert await _keys(source) == []


async def test_a_run_that_goes_on_after_its_thread_was_deleted_elsewhere_can_still_be_dropped(
    source: RedisSource, saver: VersionedRedisSaver
) -> None:
    await put(saver, "t", {"n": 1}, run_id="r")
    await VersionedRedisSaver(source=source).adelete_thread("t")
    await put(saver, "t", {"n": 2}, run_id="r")

    await saver.adelete_for_runs(["r"])
    assert await ids(saver, config("t")) == []


async def test_a_copy_has_everything_and_is_its_own(saver: VersionedRedisSaver) -> None:
    first = await put(saver, "t", {"n": 1}, run_id="r", thread_id="t")
    second = await put(saver, "t", {"n": 2}, parent=first)
    await put(saver, "t", {"n": 3}, ns="child")
    await saver.aput_writes(second, [("n", 4)], "task", "path")

    await saver.acopy_thread("t", "copy{1}")
    await saver.adelete_thread("t")

    copied = [found async for found in saver.alist({"configurable": {"thread_id": "copy{1}"}})]
    assert [found.checkpoint["channel_values"] for found in copied] == [{"n": 3}, {"n": 2}, {"n": 1}]
    assert copied[1].pending_writes == [("task", "n", 4)]
    assert copied[1].parent_config == copied[2].config
    assert copied[2].metadata["thread_id"] == "copy{1}"  # type: ignore[typeddict-item] # not one of LangGraph's own


async def test_a_value_that_did_not_change_is_stored_once(saver: VersionedRedisSaver, source: RedisSource) -> None:
    big = checkpoint({"big": "x" * 100_000, "n": 0}, version="1")
    where = await saver.aput(config("t"), big, {"source": "loop"}, big["channel_versions"])
    for n in range(20):
        new = checkpoint({"big": "x" * 100_000, "n": n})
        new["channel_versions"] = {"big": "1", "n": str(n + 2)}
        where = await saver.aput(where, new, {"source": "loop"}, {"n": str(n + 2)})

    assert (await state(saver, config("t")))["big"] == "x" * 100_000
    sizes = [await source.client().memory_usage(key, samples=0) for key in await _keys(source)]
    assert sum(size or 0 for size in sizes) < 150_000


async def test_a_run_whose_parent_is_no_longer_the_newest_is_refused(source: RedisSource) -> None:
    saver = VersionedRedisSaver(source=source, single_writer=True)
    first = await put(saver, "t", {"n": 1})
    second = await put(saver, "t", {"n": 2}, parent=first)

    with pytest.raises(Conflict):
        await put(saver, "t", {"n": 3}, parent=first)
    with pytest.raises(Conflict):
        await put(saver, "t", {"n": 3})
    await put(saver, "t", {"n": 4}, parent=first, source="update")
    await put(saver, "t", {"n": 5}, ns="child", parent=first)
    newest = (await ids(saver, config("t")))[0]
    again = checkpoint({"n": 6})
    for _ in range(2):  # a retry of a put whose answer was lost
        await saver.aput(config("t", "", newest), again, {"source": "loop"}, again["channel_versions"])
    assert id_of(second) in await ids(saver, config("t"))


async def test_a_server_user_counts_more_than_what_the_client_says(saver: VersionedRedisSaver) -> None:
    signed_in = {"langgraph_auth_user_id": "ada", "langgraph_auth_user": {"tenant_id": "acme"}}
    mine, claimed = config("t"), config("t", user_id="ada", tenant_id="acme")
    mine["configurable"] |= signed_in | {"user_id": "bob"}
    await saver.aput(mine, checkpoint({}), {"source": "loop"}, {})

    assert await saver.aget_tuple(mine)
    assert await saver.aget_tuple(claimed)
    claimed["configurable"] |= {"langgraph_auth_user_id": "bob"}
    with pytest.raises(UnknownThread):
        await saver.aget_tuple(claimed)
    claimed["configurable"]["checkpoint_id"] = "x"
    with pytest.raises(UnknownThread):
        await saver.aput_writes(claimed, [], "t")


async def test_it_opens_from_a_url_a_client_and_a_source(redis_url: str, source: RedisSource) -> None:
    async with VersionedRedisSaver.from_conn_string(redis_url) as by_url:
        await put(by_url, "t", {"n": 1})
    async with Redis.from_url(redis_url, decode_responses=True) as client:
        async with VersionedRedisSaver(redis_client=client) as by_client:
            assert await state(by_client, config("t")) == {"n": 1}
            assert len(await ids(by_client, None)) == 1
            await by_client.acopy_thread("t", "copy")
        assert await client.ping()
    by_source = VersionedRedisSaver(source=source)
    await by_source.asetup()
    await by_source.setup()
    assert await state(by_source, config("copy")) == {"n": 1}


async def test_connection_arguments_reach_a_pool_that_waits(redis_url: str, source: RedisSource) -> None:
    async with VersionedRedisSaver(redis_url, connection_args={"max_connections": 2, "client_name": "mine"}) as saver:
        await asyncio.gather(*(put(saver, f"t{n}", {"n": n}) for n in range(64)))
        client: Any = saver.storage.client()
        await asyncio.gather(*(client.lpush("queue", n) for n in range(64)))
        names = {each["name"] for each in await source.client().client_list()}
    pool = client.connection_pool
    assert isinstance(pool, BlockingConnectionPool)
    assert (pool.max_connections, "mine" in names) == (2, True)
    clustered = VersionedRedisSaver("redis://one:7001", connection_args={"cluster": True})
    assert isinstance(clustered.storage.client(), RedisCluster)


def test_a_misspelt_option_is_an_error() -> None:
    misspelt: Any = {"encryption_ky": b"0123456789abcdef"}
    with pytest.raises(TypeError, match="encryption_ky"):
        VersionedRedisSaver(**misspelt)
    VersionedRedisSaver(checkpoint_prefix="mine", checkpoint_write_prefix="mine_too")


async def test_opening_does_no_io_and_a_dead_server_is_one_plain_error() -> None:
    settings = RedisSettings.model_validate({"url": "redis://127.0.0.1:1", "timeout_s": 0.5})
    saver = VersionedRedisSaver(source=RedisSource(settings))
    await saver.asetup()

    with pytest.raises(RedisUnavailable):
        await put(saver, "t", {"n": 1})


async def test_one_saver_serves_several_event_loops(saver: VersionedRedisSaver, source: RedisSource) -> None:
    await put(saver, "t", {"n": 1})

    async def elsewhere() -> Any:
        try:
            return await state(saver, config("t"))
        finally:
            await source.aclose()

    assert await asyncio.to_thread(lambda: asyncio.run(elsewhere())) == {"n": 1}
    assert await state(saver, config("t")) == {"n": 1}


async def test_the_synchronous_methods_work_from_another_thread(saver: VersionedRedisSaver) -> None:
    with pytest.raises(RuntimeError, match="asetup"):
        saver.put_writes(config("t", "", "1"), [], "task")
    await saver.asetup()
    saver.create_indexes()
    new = checkpoint({"n": 1})

    def work() -> Any:
        where = saver.put(config("t"), new, {"source": "loop"}, new["channel_versions"])
        saver.put_writes(where, [("n", 2)], "task", "path")
        found = saver.get_tuple(where)
        assert [*saver.list(config("t"), filter={"source": "loop"}, limit=1)] == [found]
        assert saver.get_channel_values("t", "", new["id"]) == {"n": 1}
        saver.copy_thread("t", "copy")
        saver.prune(["copy"])
        saver.delete_for_runs(["none"])
        assert saver.get_delta_channel_history(config=config("copy"), channels=["n"]) == {"n": {"writes": []}}
        assert len([*saver.list(config("copy"))]) == 1
        saver.delete_thread("t")
        return found, saver.get_tuple(where)

    found, left = await asyncio.to_thread(work)
    assert found.checkpoint["channel_values"] == {"n": 1}
    assert found.pending_writes == [("task", "n", 2)]
    assert left is None
    for call in (lambda: saver.delete_thread("t"), lambda: saver.list(None), lambda: saver.get_tuple(config("t"))):
        with pytest.raises(asyncio.InvalidStateError):
            call()
    assert threading.current_thread() is threading.main_thread()


async def test_a_listing_and_a_deletion_go_past_ten_thousand_checkpoints(
    saver: VersionedRedisSaver, source: RedisSource
) -> None:
    puts = [saver.prepare(config("t"), checkpoint({}), {"source": "loop", "step": n}, {}) for n in range(10_050)]
    await saver.storage.put("t", puts)

    assert len(await saver.storage.members("t", "", None)) == 10_050
    assert len(await ids(saver, config("t"), filter={"step": 3})) == 1
    await saver.aprune(["t"], keep_last=10_010)
    assert sum([1 async for _ in saver.alist(config("t"))]) == 10_010
    await saver.adelete_thread("t")
    assert await _keys(source) == []
