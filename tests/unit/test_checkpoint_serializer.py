import warnings
from typing import Any

import ormsgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.documents import Document
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    ChatMessage,
    ChatMessageChunk,
    FunctionMessage,
    FunctionMessageChunk,
    HumanMessage,
    HumanMessageChunk,
    RemoveMessage,
    SystemMessage,
    SystemMessageChunk,
    ToolMessage,
    ToolMessageChunk,
)
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from pydantic import BaseModel

from twintrack.core.errors import TwintrackError
from twintrack.memory.checkpoint_serializer import CheckpointSerializer
from twintrack.memory.checkpoint_texts import run_of

OURS, THEIRS = CheckpointSerializer(), JsonPlusSerializer(allowed_msgpack_modules=None)
KINDS: list[tuple[Any, dict[str, Any]]] = [
    (AIMessage, {}),
    (AIMessageChunk, {}),
    (ChatMessage, {"role": "r"}),
    (ChatMessageChunk, {"role": "r"}),
    (FunctionMessage, {"name": "f"}),
    (FunctionMessageChunk, {"name": "f"}),
    (HumanMessage, {}),
    (HumanMessageChunk, {}),
    (SystemMessage, {}),
    (SystemMessageChunk, {}),
    (ToolMessage, {"tool_call_id": "c"}),
    (ToolMessageChunk, {"tool_call_id": "c"}),
]
TEXT = st.text(max_size=5)
PLAIN = st.none() | st.booleans() | st.integers(-9, 9) | TEXT
DATA = st.dictionaries(TEXT, PLAIN | st.lists(PLAIN, max_size=2), max_size=2)
CALLS = [{"name": "n", "args": {"a": 1}, "id": "c", "type": "tool_call"}]
USAGE = {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3, "input_token_details": {"cache_read": 1}}
OPTIONS = st.fixed_dictionaries(
    {"content": TEXT | st.lists(TEXT | st.just({"type": "text", "text": "t"}), max_size=2)},
    optional={"id": TEXT, "name": TEXT, "additional_kwargs": DATA, "response_metadata": DATA, "more": PLAIN},
)
CALLING = st.fixed_dictionaries(
    {},
    optional={
        "tool_calls": st.just(CALLS),
        "usage_metadata": st.just(USAGE),
        "additional_kwargs": st.just(
            {"tool_calls": [{"id": "c", "type": "function", "function": {"name": "n", "arguments": "{}"}}]}
        ),
    },
)


def _same(one: Any, other: Any) -> None:
    assert type(one) is type(other)
    if isinstance(one, BaseModel):
        assert one.__dict__ == other.__dict__
        assert [*one.__dict__] == [*other.__dict__]
        assert one.__pydantic_extra__ == other.__pydantic_extra__
        assert one.__pydantic_private__ == other.__pydantic_private__
        assert one.model_fields_set == other.model_fields_set
    assert one == other


@given(st.sampled_from(KINDS), OPTIONS, CALLING)
def test_every_message_is_read_as_langgraphs_own_serializer_reads_it(
    kind: tuple[Any, dict[str, Any]], options: dict[str, Any], calling: dict[str, Any]
) -> None:
    message = kind[0](**{**options, **kind[1], **(calling if issubclass(kind[0], AIMessage) else {})})
    stored = OURS.dumps_typed([message, {"in": message}])

    assert stored == THEIRS.dumps_typed([message, {"in": message}])
    read: list[Any] = OURS.loads_typed(stored)
    for mine, theirs in zip(read, THEIRS.loads_typed(stored), strict=True):
        _same(*((mine, theirs) if isinstance(mine, BaseModel) else (mine["in"], theirs["in"])))
        assert (mine if isinstance(mine, BaseModel) else mine["in"]) == message
    listed = OURS.join("runs", [run_of(OURS.split([message, message]))])
    for mine, theirs in zip(listed, THEIRS.loads_typed(THEIRS.dumps_typed([message, message])), strict=True):
        _same(mine, theirs)


@pytest.mark.parametrize("value", [RemoveMessage(id="1"), Document("text", metadata={"a": 1}), Document("", id="7")])
def test_so_are_documents_and_removals(value: Any) -> None:
    stored = OURS.dumps_typed(value)

    _same(OURS.loads_typed(stored), THEIRS.loads_typed(stored))


@pytest.mark.parametrize("kind", [AIMessage, HumanMessage, SystemMessage])
def test_a_text_takes_little_more_than_its_length(kind: Any) -> None:
    message = kind("x" * 1000, id="1")
    (packed,) = OURS.split([message])
    assert len(packed) < 1020

    message.content = ["x"]
    for odd in (
        message,
        kind("x", name="n"),
        kind("x", more=1),
        kind("x", response_metadata={"a": 1}),
        Own(content="x"),
    ):
        assert OURS.split([odd]) == [b"\0" + THEIRS.dumps_typed([odd])[1][1:]]


class Own(HumanMessage):
    """A class of somebody else's."""


def test_a_message_that_was_read_can_be_changed_alone() -> None:
    one, other = OURS.join("runs", [run_of(OURS.split([AIMessage("a", id="1")] * 2))])
    one.content, one.id, one.additional_kwargs["x"] = "b", "2", 1
    one.tool_calls.append(CALLS[0])

    assert other == AIMessage("a", id="1")
    assert OURS.loads_typed(OURS.dumps_typed(one)) == one
    assert one.model_copy(deep=True) == one


def test_a_list_of_an_earlier_build_is_named_as_such() -> None:
    with pytest.raises(TwintrackError, match="earlier build"):
        OURS.join("msgpack", [b"\x01"])


HUMAN = HumanMessage("x", id="1").model_dump()
HOSTILE: list[Any] = [
    ("os", "system", {"command": "true"}, "model_validate_json"),
    ("langchain_core.messages.human", "HumanMessage.__init__", HUMAN, ""),
    ("langchain_core.messages.human", "HumanMessage", {**HUMAN, "content": 5}, ""),
    ("langchain_core.messages.human", "HumanMessage", {**HUMAN, "id": 5}, ""),
    ("langchain_core.messages.human", "HumanMessage", {**HUMAN, "type": "ai"}, ""),
    ("langchain_core.messages.human", "HumanMessage", {**HUMAN, "content_blocks": [{"type": "text", "text": "t"}]}, ""),
    ("langchain_core.messages.human", "HumanMessage", {**HUMAN, "additional_kwargs": "text"}, ""),
    ("langchain_core.messages.human", "HumanMessage", {**HUMAN, "__class__": "x", "__dict__": {}}, ""),
    ("langchain_core.messages.human", "HumanMessage", {}, ""),
    ("langchain_core.messages.human", "HumanMessage", ["x"], ""),
    ("langchain_core.messages.human", "HumanMessage", {1: 2}, ""),
    ("langchain_core.messages.human", "HumanMessage", HUMAN),
    ("langchain_core.messages.human", ["HumanMessage"], HUMAN, ""),
    ("langchain_core.messages.ai", "AIMessage", {"content": "", "additional_kwargs": {"tool_calls": [5]}}, ""),
    ("langchain_core.messages.ai", "AIMessage", {"content": "", "additional_kwargs": 5}, ""),
    ("langchain_core.messages.ai", "AIMessage", {"content": "", "tool_calls": 5}, ""),
    ("langchain_core.messages.tool", "ToolMessage", {"content": {"a": 1}, "tool_call_id": 5}, ""),
    ("langchain_core.messages.human", "HumanMessage", HUMAN, "", "more"),
    "text",
    5,
    None,
]


@pytest.mark.parametrize("payload", HOSTILE, ids=repr)
def test_what_no_saver_wrote_is_read_as_langgraphs_own_serializer_reads_it(payload: Any) -> None:
    stored = (
        "msgpack",
        ormsgpack.packb([ormsgpack.Ext(5, ormsgpack.packb(payload, option=ormsgpack.OPT_NON_STR_KEYS))]),
    )
    mine, theirs = _read(OURS, stored), _read(THEIRS, stored)

    assert type(mine) is type(theirs)
    assert getattr(mine, "__dict__", mine) == getattr(theirs, "__dict__", theirs)


def _read(serde: Any, stored: tuple[str, bytes]) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return serde.loads_typed(stored)[0]
        except ValueError as error:
            return str(error)


def test_bytes_that_are_no_msgpack_are_refused_alike() -> None:
    stored = ("msgpack", ormsgpack.packb([ormsgpack.Ext(5, b"\xc1"), ormsgpack.Ext(5, b""), ormsgpack.Ext(99, b"x")]))

    assert OURS.loads_typed(stored) == THEIRS.loads_typed(stored)


class Kept(BaseModel):
    name: str


def test_a_class_is_built_once_it_is_allowed() -> None:
    stored = OURS.dumps_typed([Kept(name="x"), HumanMessage("hi", id="1")])
    assert OURS.loads_typed(stored) == [{"name": "x"}, HumanMessage("hi", id="1")]

    for key in (None, b"k" * 16):
        wider: Any = CheckpointSerializer(key).with_msgpack_allowlist([Kept])
        assert wider.loads_typed(stored) == wider.loads_typed(
            wider.dumps_typed([Kept(name="x"), HumanMessage("hi", id="1")])
        )
        assert wider.loads_typed(stored)[0] == Kept(name="x")
        assert wider.with_msgpack_allowlist([Kept]) is wider
