"""What changed between two states of a thread, channel by channel."""

from collections.abc import Mapping
from typing import Any

from langchain_core.messages import BaseMessage, message_to_dict


def diff_states(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return the channels that differ; JSON values only.

    A channel of messages gives `added`, `removed` and `changed` by message id, any other `before` and `after`.
    """
    changes: dict[str, Any] = {}
    for channel in sorted({*before, *after}):
        old, new = before.get(channel), after.get(channel)
        if old == new and (channel in before) == (channel in after):
            continue
        changes[channel] = _messages(old or [], new or []) if _has_messages(old, new) else _values(old, new)
    return changes


def _has_messages(*states: Any) -> bool:
    lists = [state for state in states if state]
    return bool(lists) and all(
        isinstance(state, list) and all(isinstance(item, BaseMessage) for item in state) for state in lists
    )


def _messages(old: list[BaseMessage], new: list[BaseMessage]) -> dict[str, Any]:
    before = {message.id or f"#{at}": message for at, message in enumerate(old)}
    after = {message.id or f"#{at}": message for at, message in enumerate(new)}
    return {
        "added": [plain(after[id_]) for id_ in after if id_ not in before],
        "removed": [plain(before[id_]) for id_ in before if id_ not in after],
        "changed": [
            {"id": id_, **_values(before[id_].content, after[id_].content)}
            for id_ in after
            if id_ in before and before[id_] != after[id_]
        ],
    }


def _values(old: Any, new: Any) -> dict[str, Any]:
    return {"before": plain(old), "after": plain(new)}


def plain(value: Any) -> Any:
    """Return a channel's value as JSON values."""
    if isinstance(value, BaseMessage):
        return {"id": value.id, "type": value.type, "content": message_to_dict(value)["data"]["content"]}
    if isinstance(value, Mapping):
        return {str(label): plain(item) for label, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return value if value is None or isinstance(value, str | int | float | bool) else repr(value)
