"""Commands that share a connection get their own replies, and fail and heal like any others."""

import asyncio
from typing import Any

import pytest
from redis.exceptions import ConnectionError as LostConnection
from redis.exceptions import DataError, ResponseError
from redis.exceptions import TimeoutError as TooSlow

from tests.waiting import PATIENCE_S, until
from twintrack.core.context import Identity
from twintrack.core.redis_client import RedisSource
from twintrack.core.redis_wire import FLAT, PLAIN, WiredRedis, together
from twintrack.core.settings import RedisSettings
from twintrack.core.traces import Owner, TraceSpan, TraceStore
from twintrack.core.waiting import RedisWaiting


@pytest.fixture
async def client(source: RedisSource) -> Any:
    client = source.client()
    assert isinstance(client, WiredRedis)
    await client.delete("wire")
    return client


def wire(client: Any) -> Any:
    return client._wires[0]


async def test_each_of_many_tasks_gets_its_own_reply(client: Any) -> None:
    await asyncio.gather(*(client.hset("wire", str(number), number) for number in range(200)))
    replies = await asyncio.gather(*(client.hget("wire", str(number)) for number in range(200)))
    assert replies == [str(number).encode() for number in range(200)]


async def test_what_is_asked_at_one_moment_leaves_in_one_write(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    await client.get("wire")
    writes: list[bytes] = []
    transport = wire(client)._transport
    monkeypatch.setattr(wire(client), "_transport", type("Spy", (), {"write": lambda _, data: writes.append(data)})())
    asked = [asyncio.ensure_future(client.get("wire")) for _ in range(3)]
    await until(lambda: bool(writes))
    assert [data.count(b"GET") for data in writes] == [3]
    transport.write(writes[0])
    assert await asyncio.gather(*asked) == [None] * 3


async def test_an_error_reaches_the_caller_it_belongs_to(client: Any) -> None:
    found = await asyncio.gather(
        client.set("wire", "text"), client.hget("wire", "field"), client.get("wire"), return_exceptions=True
    )
    assert (found[0], found[2]) == (True, b"text")
    assert isinstance(found[1], ResponseError)


async def test_a_cancelled_caller_takes_nobody_elses_reply(client: Any) -> None:
    await client.set("wire", "text")
    gone = asyncio.ensure_future(client.exists("wire"))
    kept = asyncio.ensure_future(client.get("wire"))
    await asyncio.sleep(0)
    gone.cancel()
    assert await kept == b"text"
    assert await client.get("wire") == b"text"


async def test_a_broken_connection_is_replaced_and_its_commands_tried_again(client: Any) -> None:
    await client.set("wire", "text")
    broken = wire(client)
    asked = asyncio.ensure_future(client.get("wire"))
    await asyncio.sleep(0)
    broken._transport.abort()
    assert await asyncio.wait_for(asked, PATIENCE_S) == b"text"
    assert await client.get("wire") == b"text"
    assert wire(client) is not broken


async def test_a_connection_that_falls_silent_is_given_up_in_time(client: Any) -> None:
    await client.get("wire")
    silent = wire(client)
    silent._alarm.cancel()
    silent._timeout, silent._alarm = 0.05, None
    silent._transport.pause_reading()
    with pytest.raises(TooSlow):
        await asyncio.wait_for(client.get("wire"), PATIENCE_S)
    assert await client.get("wire") is None


async def test_a_word_that_cannot_be_sent_is_refused_before_it_is_sent(client: Any) -> None:
    with pytest.raises(DataError):
        await client.set("wire", [1])
    assert await client.get("wire") is None


async def test_a_command_that_waits_holds_up_nobody(client: Any) -> None:
    waits = asyncio.ensure_future(client.blpop(["wire-list"], timeout=PATIENCE_S))
    await asyncio.sleep(0.02)
    assert await asyncio.wait_for(client.get("wire"), PATIENCE_S / 2) is None
    await client.execute_command("LPUSH", "wire-list", "x")
    assert tuple(await waits) == (b"wire-list", b"x")
    assert not {"BLPOP", "MULTI", "SELECT", "SUBSCRIBE", "WAIT", "WATCH"} & PLAIN


async def test_commands_sent_together_leave_in_one_write_and_answer_in_order(client: Any) -> None:
    await client.hset("wire", "a", "1")
    sent: list[bytes] = []
    wire(client)._transport, real = _Listening(wire(client)._transport, sent), wire(client)._transport
    replies = await together(client, [("HGET", "wire", "a"), ("HSET", "wire", "b", "2"), ("HGET", "wire", "b")])
    wire(client)._transport = real
    assert replies == [b"1", 1, b"2"]
    assert len(sent) == 1


async def test_one_that_fails_among_others_fails_them_all_and_leaves_the_connection_usable(client: Any) -> None:
    await client.set("wire", "text")
    with pytest.raises(ResponseError):
        await together(client, [("HGET", "wire", "a"), ("GET", "wire"), ("HGET", "wire", "b")])
    assert await together(client, [("GET", "wire")]) == [b"text"]


async def test_commands_sent_together_are_tried_again_over_a_new_connection(client: Any) -> None:
    await client.hset("wire", "a", "1")
    wire(client)._transport.abort()
    assert await together(client, [("HGET", "wire", "a"), ("HGET", "wire", "a")]) == [b"1", b"1"]


async def test_a_command_that_is_not_plain_may_stand_among_others(client: Any) -> None:
    await client.hset("wire", "a", "1")
    assert (await together(client, [("HGET", "wire", "a"), ("PING",)]))[0] == b"1"


class _Listening:
    def __init__(self, transport: Any, sent: list[bytes]) -> None:
        self._transport, self._sent = transport, sent

    def write(self, data: bytes) -> None:
        self._sent.append(data)
        self._transport.write(data)


async def test_looking_for_questions_left_too_long_takes_the_shared_connection(
    client: Any, source: RedisSource
) -> None:
    await client.get("wire")
    sent: list[bytes] = []
    wire(client)._transport, real = _Listening(wire(client)._transport, sent), wire(client)._transport
    found = await RedisWaiting(source).lapsed(Identity("acme", "ann"))
    wire(client)._transport = real
    assert found == set()
    assert len(sent) == 1


async def test_the_traces_of_a_user_are_read_and_erased_in_two_writes_however_many_there_are(
    client: Any, source: RedisSource
) -> None:
    store, ada = TraceStore(source), Owner(Identity("acme", "ada"), "t")
    for number in range(9):
        span = TraceSpan(id="1", parent=None, name="step", type="chain", start=number, end=number)
        await store.add(f"trace{number}", ada, [span])
    sent: list[bytes] = []
    wire(client)._transport, real = _Listening(wire(client)._transport, sent), wire(client)._transport
    listed, writes = await store.list(ada.identity), len(sent)
    erased = await store.erase(ada.identity)
    wire(client)._transport = real
    assert [one.id for one in listed] == [f"trace{number}" for number in reversed(range(9))]
    assert (writes, len(sent), erased) == (2, 4, 9)
    assert [name async for name in client.scan_iter("twintrack:trace*")] == []


async def test_a_source_that_is_closed_opens_nothing_for_who_asks_later(redis_url: str) -> None:
    source = RedisSource(RedisSettings.model_validate({"url": redis_url}))
    held: Any = source.client()
    await held.ping()
    await source.aclose()
    with pytest.raises(LostConnection, match="closed"):
        source.client()
    for command in (("GET", "x"), ("OBJECT", "ENCODING", "x")):
        with pytest.raises(LostConnection, match="closed"):
            await held.execute_command(*command)


async def test_what_a_search_found_is_read_behind_the_searches_that_were_asked_before(client: Any) -> None:
    await client.hset("wire", "a", "1")
    assert await together(client, [("HMGET", "wire", "a", "b")] * 2) == [[b"1", None]] * 2
    sent: list[bytes] = []
    searches = client._wires[FLAT]
    searches._transport, real = _Listening(searches._transport, sent), searches._transport
    await asyncio.gather(
        together(client, [("FT.SEARCH", "nothing", "red")]),
        together(client, [("HMGET", "wire", "a")] * 2),
        return_exceptions=True,
    )
    searches._transport = real
    first, second = sent  # the server begins with a search while the next is put together
    assert (b"FT.SEARCH" in first, second.count(b"HMGET")) == (True, 2)


async def test_searches_sent_together_come_as_lists_and_redis_pys_own_search_reads_what_it_expects(client: Any) -> None:
    await client.execute_command("FT.CREATE", "wired", "PREFIX", 1, "wired:", "SCHEMA", "words", "TEXT")
    await client.hset("wired:1", mapping={"words": "red"})
    [reply] = await together(client, [("FT.SEARCH", "wired", "red")])
    assert reply == [1, b"wired:1", [b"words", b"red"]]
    found = await client.ft("wired").search("red")
    assert [(one.id, one.words) for one in found.docs] == [("wired:1", "red")]
    await client.execute_command("FT.DROPINDEX", "wired", "DD")
