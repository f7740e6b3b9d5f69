"""The short tier: which messages a model sees word for word, and a summary of those before."""

from collections.abc import Sequence
from math import ceil

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.messages.utils import count_tokens_approximately

from twintrack.core.token_count import wide

Group = list[AnyMessage]


def tokens(message: AnyMessage) -> int:
    """Estimate a message's tokens: four characters to one, but each Chinese character is one itself."""
    return count_tokens_approximately([message]) + ceil(wide(message.text) * 3 / 4)


def window(messages: Sequence[AnyMessage], *, max_messages: int, max_tokens: int) -> list[AnyMessage]:
    """Return the newest messages within both limits that a chat model accepts as a conversation.

    A tool call stays with its results, leading system messages stay, and the conversation starts with a
    human message. The last human message stays even where it alone exceeds the limits.
    """
    system = _leading_system(messages)
    turns = _turns(messages[len(system) :])
    room = _Room(max_messages, max_tokens).less(system)
    kept: list[Group] = []
    for turn in reversed(turns):
        left = room.less(_flat(turn))
        if left.overfull:
            return [*system, *_flat(kept or _shortened(turn, room))]
        kept[:0], room = turn, left
    return [*system, *_flat(kept)]


class _Room:
    """How many messages and tokens still fit."""

    def __init__(self, messages: int, tokens_left: int) -> None:
        self.messages = messages
        self.tokens = tokens_left

    @property
    def overfull(self) -> bool:
        return self.messages < 0 or self.tokens < 0

    def less(self, group: Group) -> "_Room":
        return _Room(self.messages - len(group), self.tokens - sum(map(tokens, group)))


def _leading_system(messages: Sequence[AnyMessage]) -> Group:
    lead: Group = []
    for message in messages:
        if not isinstance(message, SystemMessage):
            break
        lead.append(message)
    return lead


def _shortened(turn: list[Group], room: _Room) -> list[Group]:
    """Return a turn's question and as many of its last groups as fit."""
    room = room.less(turn[0])
    kept: list[Group] = []
    for group in reversed(turn[1:]):
        room = room.less(group)
        if room.overfull:
            break
        kept.insert(0, group)
    return [turn[0], *kept]


def _turns(messages: Sequence[AnyMessage]) -> list[list[Group]]:
    """Return the turns, each a human message and the whole groups after it."""
    turns: list[list[Group]] = []
    for group in _groups(messages):
        if isinstance(group[0], HumanMessage):
            turns.append([group])
        elif turns:
            turns[-1].append(group)
    return turns


def _groups(messages: Sequence[AnyMessage]) -> list[Group]:
    """Return messages that stand or fall together; calls without results and strays are left out."""
    groups: list[Group] = []
    position = 0
    while position < len(messages):
        message = messages[position]
        position += 1
        if isinstance(message, AIMessage) and message.tool_calls:
            results = _results(messages, position)
            position += len(results)
            if {call["id"] for call in message.tool_calls} == {result.tool_call_id for result in results}:
                groups.append([message, *results])
        elif not isinstance(message, ToolMessage):
            groups.append([message])
    return groups


def _results(messages: Sequence[AnyMessage], start: int) -> list[ToolMessage]:
    results: list[ToolMessage] = []
    for message in messages[start:]:
        if not isinstance(message, ToolMessage):
            break
        results.append(message)
    return results


def _flat(groups: Sequence[Group]) -> Group:
    return [message for group in groups for message in group]
