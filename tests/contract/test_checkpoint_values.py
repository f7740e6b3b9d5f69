import dataclasses
import enum
import ipaddress
from datetime import datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.types import Command, Send
from pydantic import BaseModel, SecretStr

from tests.contract.checkpoint_makers import config, put, state
from twintrack.core.errors import SettingsError
from twintrack.core.redis_client import RedisSource
from twintrack.memory.checkpoints import VersionedRedisSaver

KEY = b"0123456789abcdef0123456789abcdef"


class Colour(enum.Enum):
    RED = "red"


class Model(BaseModel):
    amount: Decimal
    secret: str = ""


@dataclasses.dataclass
class Record:
    name: str


ALLOWED = (Colour, Model, Record)

EXACT: list[Any] = [
    None,
    True,
    0,
    -1,
    2**63 - 1,
    1.5,
    "",
    "中文 \x00 \n é 🎉",
    b"\x00\xff",
    [],
    {},
    {"nested": [1, {"a": None}]},
    {1, 2},
    datetime(2026, 1, 2, tzinfo=ZoneInfo("Asia/Shanghai")),
    time(3, 4, 5),
    ipaddress.ip_address("10.0.0.1"),
    Record("x"),
    HumanMessage("hi", id="1"),
    AIMessage("", tool_calls=[{"name": "t", "args": {"a": 1}, "id": "c"}]),
    ToolMessage("done", tool_call_id="c", artifact={"rows": [1]}),
    Document("text", metadata={"n": 1}),
    Send("node", {"a": 1}),
    Command(resume="yes", goto=[]),
    {"__send__": True, "node": "n", "arg": 1},
]


@pytest.mark.parametrize("value", EXACT, ids=lambda value: f"{type(value).__name__} {value!r}"[:40])
@pytest.mark.parametrize("key", [None, KEY], ids=["plain", "encrypted"])
async def test_a_value_comes_back_as_it_was(source: RedisSource, value: Any, key: bytes | None) -> None:
    saver = VersionedRedisSaver(source=source, encryption_key=key, allowed_types=ALLOWED)
    where = await put(saver, "t", {"value": value})
    await saver.aput_writes(where, [("value", value)], "task")

    found = await saver.aget_tuple(where)
    assert found is not None
    for back in (found.checkpoint["channel_values"]["value"], (found.pending_writes or [])[0][2]):
        assert back == value
        assert type(back) is type(value)


async def test_a_class_that_is_not_allowed_comes_back_as_data(source: RedisSource) -> None:
    await put(VersionedRedisSaver(source=source), "t", {"record": Record("x"), "model": Model(amount=Decimal(1))})

    back = await state(VersionedRedisSaver(source=source), config("t"))
    assert back["record"] == {"name": "x"}
    assert not isinstance(back["model"], Model)
    allowed = await state(VersionedRedisSaver(source=source, allowed_types=[Record]), config("t"))
    assert allowed["record"] == Record("x")


async def test_with_a_key_redis_holds_no_word_of_state_or_metadata(source: RedisSource) -> None:
    saver = VersionedRedisSaver(source=source, encryption_key=SecretStr(KEY.decode()))
    where = await put(saver, "t", {"messages": [HumanMessage("my secret-word")]}, note="secret-word")
    await saver.aput_writes(where, [("messages", ["secret-word"])], "task")
    await saver.acopy_thread("t", "copy")

    client = source.client()
    held = [await client.dump(key) async for key in client.scan_iter()]
    assert len(held) == 8
    assert not any(b"secret-word" in (each or b"") for each in held)
    assert (await state(saver, config("copy")))["messages"][0].content == "my secret-word"
    assert len([found async for found in saver.alist(config("t"), filter={"note": "secret-word"})]) == 1


@pytest.mark.parametrize("key", [None, b"f" * 32])
async def test_an_encrypted_thread_read_with_another_key_or_none_says_so(
    source: RedisSource, key: bytes | None
) -> None:
    await put(VersionedRedisSaver(source=source, encryption_key=KEY), "t", {"n": 1})

    with pytest.raises(SettingsError, match="TWINTRACK_CHECKPOINTS__ENCRYPTION_KEY"):
        await state(VersionedRedisSaver(source=source, encryption_key=key), config("t"))


def test_a_key_of_the_wrong_length_is_refused(redis_url: str) -> None:
    with pytest.raises(SettingsError, match="5 bytes"):
        VersionedRedisSaver(redis_url, encryption_key="short")


async def test_what_was_written_before_there_was_a_key_can_still_be_read(source: RedisSource) -> None:
    await put(VersionedRedisSaver(source=source), "t", {"n": 1})

    assert await state(VersionedRedisSaver(source=source, encryption_key=KEY), config("t")) == {"n": 1}
