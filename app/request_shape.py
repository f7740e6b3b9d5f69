"""Tells what is wrong with a request that would begin a run or write into a thread, before anything of it is stored."""

import re
from collections.abc import Iterator
from typing import Any

from langchain_core.messages import BaseMessage, RemoveMessage, convert_to_messages

_WRITES = re.compile(r"(/runs(/\w+)?|/threads(/[^/]+/(state|commands))?)/?$")
_END = "__end__"
NO_OBJECT = (
    'The input is missing, or no object. Fix: send {"messages": [{"role": "user", "content": "your question"}]}.'
)
NO_MESSAGE = (
    "'messages' holds something that is no message. Fix: send "
    '[{"role": "user", "content": "your question"}]; a tool message names its tool_call_id.'
)
NO_COMMAND = "The command says nothing. Fix: send resume, update or goto with a value, or leave the command out."
NO_JUMP = f"A caller cannot choose the next step. Fix: leave goto out; {_END!r} alone is taken, and ends the turn."
NO_PAIRS = "The command's update is no object. Fix: send it as {name: value}."
NO_REMOVAL = "A command cannot remove messages. Fix: post the removal to the thread's state."
NO_CHECKPOINT = "The checkpoint's id is no text. Fix: send the id that the thread's history shows."
HALF_CHARACTER = "The text holds half a character (a lone surrogate). Fix: send whole characters."


def fault_of(path: str, body: Any) -> str | None:
    """Return what is wrong and the fix; None where nothing is seen, or where the server says it itself."""
    if not _WRITES.search(path):
        return None
    requests = [one for one in (body if isinstance(body, list) else [body]) if isinstance(one, dict)]
    if "/threads" not in path and any(one.get("input") is None and not one.get("command") for one in requests):
        return NO_OBJECT  # without a thread there is nothing to go on with
    return next((fault for one in requests for fault in _faults(one)), None)


def holds_half_character(value: Any) -> bool:
    """Tell whether text in a JSON value cannot be written as UTF-8."""
    if isinstance(value, str):
        return any("\ud800" <= letter <= "\udfff" for letter in value)
    if isinstance(value, dict):
        return any(holds_half_character(part) for pair in value.items() for part in pair)
    return isinstance(value, list) and any(map(holds_half_character, value))


def _faults(request: dict[str, Any]) -> Iterator[str]:
    if isinstance(params := request.get("params"), dict):
        # What a person answers comes as `input` here, and may be anything.
        request = {**params, "command": {"resume": "", **{key: params.get(key) for key in ("update", "goto")}}}
    elif not isinstance(request.get("input"), dict | None):
        yield NO_OBJECT
    places = [place for place in (request, request.get("checkpoint")) if isinstance(place, dict)]
    if not all(isinstance(place.get("checkpoint_id"), str | None) for place in places):
        yield NO_CHECKPOINT
    written = [request.get("input"), request.get("values"), *_supersteps(request.get("supersteps"))]
    if not all(_read(messages) is not None for one in written for messages in _messages(one)):
        yield NO_MESSAGE
    if isinstance(command := request.get("command"), dict) and command:
        yield from _command_faults(command)


def _command_faults(command: dict[str, Any]) -> Iterator[str]:
    if all(value is None for value in command.values()):
        yield NO_COMMAND
    if any(target not in (None, _END) for target in _each(command.get("goto"))):
        yield NO_JUMP
    if not isinstance(update := command.get("update"), dict | None):
        yield NO_PAIRS
    for messages in _messages(update):
        # What cannot be applied would wait on the thread for ever, and no run could go on.
        if (read := _read(messages)) is None:
            yield NO_MESSAGE
        elif any(isinstance(message, RemoveMessage) for message in read):
            yield NO_REMOVAL


def _messages(written: Any) -> Iterator[Any]:
    """Yield what would be written into the conversation."""
    if isinstance(written, dict) and "messages" in written:
        yield written["messages"]


def _read(messages: Any) -> list[BaseMessage] | None:
    try:
        return convert_to_messages(_each(messages))
    except Exception:  # noqa: BLE001 - whatever is no message breaks in its own way
        return None


def _each(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _supersteps(steps: Any) -> Iterator[Any]:
    for step in _each(steps):
        updates = step.get("updates") if isinstance(step, dict) else None
        yield from (one.get("values") for one in _each(updates) if isinstance(one, dict))
