"""What of a request is refused before anything of it is stored, and what passes."""

from typing import Any

import pytest

from twintrack.app.request_shape import (
    NO_CHECKPOINT,
    NO_COMMAND,
    NO_JUMP,
    NO_MESSAGE,
    NO_OBJECT,
    NO_PAIRS,
    NO_REMOVAL,
    fault_of,
    holds_half_character,
)

RUN = "/threads/1/runs/wait"
HELLO: dict[str, Any] = {"messages": [{"role": "user", "content": "hello"}]}
GONE: dict[str, Any] = {"messages": [{"role": "remove", "content": "", "id": "m1"}]}
NO_MESSAGES: list[Any] = [
    None,
    3,
    {},
    [3],
    [None],
    [{}],
    [[]],
    [{"role": "user"}],
    [{"role": "pirate", "content": "x"}],
    [{"role": ["user"], "content": "x"}],
    [{"role": "tool", "content": "x"}],
    [{"role": "user", "content": "x", "id": {"a": 1}}],
    [{"lc": 1, "type": "constructor", "id": ["os", "system"], "kwargs": {"content": "x"}}],
]


@pytest.mark.parametrize("messages", NO_MESSAGES)
def test_what_is_no_message_is_refused_wherever_it_would_be_written(messages: Any) -> None:
    given = {"messages": messages}
    assert fault_of(RUN, {"input": given}) == NO_MESSAGE
    assert fault_of(RUN, {"command": {"update": given}}) == NO_MESSAGE
    assert fault_of("/threads/1/state", {"values": given}) == NO_MESSAGE
    assert fault_of("/threads", {"supersteps": [{"updates": [{"values": given}]}]}) == NO_MESSAGE
    assert fault_of("/runs/batch", [{"input": HELLO}, {"input": given}]) == NO_MESSAGE
    assert fault_of("/threads/1/commands", {"method": "run.start", "params": {"input": given}}) == NO_MESSAGE


@pytest.mark.parametrize("given", [[], "text", 3, True])
def test_input_that_is_no_object_is_refused(given: Any) -> None:
    assert fault_of(RUN, {"input": given}) == NO_OBJECT
    assert fault_of("/runs/stream", {"input": given}) == NO_OBJECT


@pytest.mark.parametrize("body", [{}, {"input": None}, [{"input": HELLO}, {}]])
def test_a_run_without_a_thread_needs_input(body: Any) -> None:
    assert fault_of("/runs/wait", body) == NO_OBJECT


@pytest.mark.parametrize(
    ("command", "fault"),
    [
        ({"resume": None}, NO_COMMAND),
        ({"resume": None, "goto": None, "update": None}, NO_COMMAND),
        ({"goto": "remember"}, NO_JUMP),
        ({"goto": ["__end__", "direct"]}, NO_JUMP),
        ({"goto": {"node": "direct", "input": {}}, "resume": 1}, NO_JUMP),
        ({"update": [["messages", "hello"]]}, NO_PAIRS),
        ({"update": GONE}, NO_REMOVAL),
    ],
)
def test_a_command_that_would_break_the_thread_or_leave_out_the_rails_is_refused(
    command: dict[str, Any], fault: str
) -> None:
    assert fault_of(RUN, {"command": command}) == fault


@pytest.mark.parametrize("place", [{"checkpoint_id": 3}, {"checkpoint": {"checkpoint_id": {}}}])
def test_a_checkpoint_is_named_by_text(place: Any) -> None:
    assert fault_of(RUN, {"input": HELLO, **place}) == NO_CHECKPOINT


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (RUN, {"input": HELLO, "checkpoint": {"checkpoint_id": "1", "checkpoint_ns": ""}}),
        (RUN, {"input": {"messages": "hello"}}),
        (RUN, {"input": {}}),
        (RUN, {"input": None}),
        (RUN, {"input": None, "command": {}}),
        (RUN, {"input": {}, "command": {"goto": "__end__"}}),
        (RUN, {"command": {"resume": {"decisions": [{"type": "approve"}]}, "update": HELLO}}),
        ("/threads/1/commands", {"params": {"input": ["approve"]}}),
        ("/threads/1/state", {"values": GONE}),
        ("/threads/1/state", {"values": None}),
        ("/threads", {"metadata": {}, "supersteps": [{"updates": [{"values": HELLO}]}]}),
        ("/threads/search", {"values": {"messages": 3}}),
        ("/store/items", {"value": {"messages": 3}, "input": 3}),
        (RUN, "no object"),
        (RUN, [3]),
    ],
)
def test_what_a_client_may_send_passes(path: str, body: Any) -> None:
    assert fault_of(path, body) is None


@pytest.mark.parametrize("value", ["\ud800", ["a\udfff"], {"a": {"b": ["\udc80"]}}, {"\ud800": 1}])
def test_half_a_character_is_found(value: Any) -> None:
    assert holds_half_character(value)


@pytest.mark.parametrize("value", ["\ud7ff\ue000😀", [None, 3, True], {}])
def test_whole_characters_are_let_alone(value: Any) -> None:
    assert not holds_half_character(value)
