"""Values that LangGraph's own Redis saver spoils, or lets a user turn into objects; ours does neither."""

import enum
import json
import math
import sys
import uuid
from collections import deque
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langchain_core.messages import HumanMessage, SystemMessage, ToolMessage
from langgraph.types import Interrupt
from pydantic import BaseModel

from tests.contract.both_savers import OURS, STOCK, both, fails, opened
from tests.contract.checkpoint_makers import config, put, state
from twintrack.core.redis_client import RedisSource


class Colour(enum.Enum):
    RED = "red"


class Tone(enum.StrEnum):
    LIGHT = "light"


class Model(BaseModel):
    amount: Decimal


SPOILT: list[Any] = [
    math.inf,
    datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC),
    date(2026, 1, 2),
    uuid.UUID(int=5),
    Colour.RED,
    Tone.LIGHT,
    Decimal("1.10"),
    timedelta(seconds=3),
    frozenset({1}),
    {1: "int key", "1": "text key"},
    {("a", 1): "tuple key"},
    bytearray(b"hi"),
    Path("/tmp/x"),
    deque([1, 2]),
    Model(amount=Decimal("1.10")),
    Interrupt(value={"q": "?"}, id="i"),
    {"__bytes__": "aGk="},
]


@pytest.mark.parametrize("value", SPOILT, ids=lambda value: f"{type(value).__name__} {value!r}"[:40])
@pytest.mark.parametrize("kind", [pytest.param(STOCK, marks=fails(AssertionError, TypeError)), OURS, "encrypted"])
async def test_a_value_comes_back_as_it_was(source: RedisSource, kind: str, value: Any) -> None:
    options: Any = {} if kind == STOCK else {"allowed_types": [Colour, Tone, Model]}
    key = {"encryption_key": b"0123456789abcdef"} if kind == "encrypted" else {}
    saver = await opened(STOCK if kind == STOCK else OURS, source.client(), **options, **key)
    where = await put(saver, "t", {"value": value})
    await saver.aput_writes(where, [("value", value)], "task")

    found = await saver.aget_tuple(where)
    for back in (found.checkpoint["channel_values"]["value"], found.pending_writes[0][2]):
        assert back == value
        assert type(back) is type(value)


@both(TypeError)
async def test_not_a_number_comes_back(kind: str, source: RedisSource) -> None:
    saver = await opened(kind, source.client())
    await put(saver, "t", {"nan": math.nan})

    assert math.isnan((await state(saver, config("t")))["nan"])


@both(AttributeError)
async def test_an_array_comes_back(kind: str, source: RedisSource) -> None:
    saver = await opened(kind, source.client())
    await put(saver, "t", {"array": np.arange(6, dtype=np.float32).reshape(2, 3)})

    back = (await state(saver, config("t")))["array"]
    assert back.dtype == np.float32
    assert (back == np.arange(6).reshape(2, 3)).all()


HOSTILE = [
    {"lc": 2, "type": "constructor", "id": ["evil_module_of_a_test", "Y"], "args": [], "kwargs": {}},
    {
        "lc": 1,
        "type": "constructor",
        "id": ["langchain", "schema", "messages", "SystemMessage"],
        "kwargs": {"content": "x"},
    },
    {"__send__": True, "node": "admin", "arg": {}},
    {"__interrupt__": True, "value": "approve?", "id": "i"},
    {"lc": 2, "type": "constructor", "id": ["datetime", "timedelta"], "args": [5], "kwargs": {}},
]


@pytest.fixture
def evil_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lay a module where it can be imported; nobody should."""
    (tmp_path / "evil_module_of_a_test.py").write_text("class Y: ...\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "evil_module_of_a_test", raising=False)


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda hostile: json.dumps(hostile)[:40])
@both()
async def test_what_a_user_puts_into_a_state_stays_data(
    kind: str, source: RedisSource, hostile: dict[str, Any], evil_module: None
) -> None:
    saver = await opened(kind, source.client())
    where = await put(saver, "t", {"raw": hostile, "text": json.dumps(hostile)})
    await saver.aput_writes(where, [("raw", hostile)], "task")

    found = await saver.aget_tuple(where)
    assert "evil_module_of_a_test" not in sys.modules
    for back in (found.checkpoint["channel_values"]["raw"], found.pending_writes[0][2]):
        assert type(back) is dict
        assert back == hostile


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda hostile: json.dumps(hostile)[:40])
@both()
async def test_what_a_user_puts_into_a_message_stays_data(
    kind: str, source: RedisSource, hostile: dict[str, Any], evil_module: None
) -> None:
    saver = await opened(kind, source.client())
    messages = [
        HumanMessage([{"type": "text", "text": "x", "extra": hostile}], id="1"),
        ToolMessage("x", tool_call_id="c", artifact=hostile, id="2"),
    ]
    await put(saver, "t", {"messages": messages})

    back = (await state(saver, config("t")))["messages"]
    assert "evil_module_of_a_test" not in sys.modules
    assert back == messages
    assert type(back[1].artifact) is dict
    assert not any(isinstance(message, SystemMessage) for message in back)
