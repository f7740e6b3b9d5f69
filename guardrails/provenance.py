"""Tells whether a value was said by the user, found by a tool that may supply it, or came from elsewhere."""

import math
import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage

from twintrack.core.simplified import simplified
from twintrack.guardrails.records import values_in

USER_WORDS = "user_words"
"""Where a message that the product wrote for an agent keeps what the user said."""
HOSTILE = "hostile"
"""Set on a tool message whose text tries to give orders."""
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_ADDRESS = re.compile(
    r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+|(?:https?://|www\.)[^\s\"'<>，。）)]+|\b[\w-]+(?:\.[\w-]+)*\.(?:com|net|org|io|cn|ru|info|biz|app|dev|co)\b(?:/[^\s\"'<>，。）)]*)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Result:
    """What a tool gave back, and what it was asked."""

    tool: str
    text: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Seen:
    """What an agent has read so far, by who wrote it."""

    said: str = ""
    """The user's own words."""
    results: tuple[Result, ...] = ()
    """What tools gave back, but for results that tried to give orders."""

    def says(self, value: str | int | float) -> bool:
        """Tell whether the user said the value."""
        return _in(value, folded(self.said))

    def holds(self, value: Any, sources: Collection[str] = ()) -> bool:
        """Tell whether the user said the value, or one of `sources` gave it: a tool, or a field as `tool.field`."""
        return self.says(value) or any(_gave(result, value, sources) for result in self.results)


def seen_in(messages: Sequence[AnyMessage]) -> Seen:
    """Read a conversation."""
    said = [
        str(message.additional_kwargs.get(USER_WORDS, message.text))
        for message in messages
        if isinstance(message, HumanMessage)
    ]
    asked = {call["id"]: call["args"] for one in messages if isinstance(one, AIMessage) for call in one.tool_calls}
    results = [
        Result(str(message.name), str(message.text), asked.get(message.tool_call_id, {}))
        for message in messages
        if isinstance(message, ToolMessage) and message.status == "success" and HOSTILE not in message.additional_kwargs
    ]
    return Seen("\n".join(said), tuple(results))


def leaves(value: Any) -> Iterator[str | int | float]:
    """Return the texts and numbers inside a value; keys, switches and what is empty are none."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for one in value:
            yield from leaves(one)
    elif isinstance(value, (str, int, float)) and not isinstance(value, bool) and value != "":
        yield value


def addresses(value: Any) -> list[str]:
    """Return the links and e-mail addresses in the texts of a value."""
    return [found.rstrip(".,;:!?") for leaf in leaves(value) for found in _ADDRESS.findall(str(leaf))]


def folded(text: str) -> str:
    """Return the text without differences of case and width."""
    return unicodedata.normalize("NFKC", text).casefold()


def has_word(words: Collection[str], text: str) -> bool:
    """Tell whether one of the words stands in the text as a word of its own."""
    seen = simplified(folded(text))
    return any(_stands(simplified(folded(word)), seen) for word in words)


def same(value: str | int | float, text: str) -> bool:
    """Tell whether a text is the value and nothing else."""
    if isinstance(value, str):
        return folded(value).strip() == folded(text).strip()
    try:
        return math.isclose(float(text), value, rel_tol=1e-9)
    except ValueError:
        return False


def _gave(result: Result, value: str | int | float, sources: Collection[str]) -> bool:
    if result.tool in sources:
        return _in(value, folded(result.text))
    fields = {one.partition(".")[2] for one in sources if one.startswith(f"{result.tool}.")}
    return bool(fields) and any(one.field in fields and same(value, one.text) for one in values_in(result.text))


def _in(value: str | int | float, text: str) -> bool:
    if not isinstance(value, str):
        said = (found.replace(",", "") for found in _NUMBER.findall(text))
        return any(math.isclose(float(one), abs(value), rel_tol=1e-9) for one in said if one.count(".") < 2)
    return _stands(folded(value).strip(), text)


def stands_in(value: str, text: str) -> bool:
    """Tell whether the value stands in the text whole."""
    return _stands(folded(value).strip(), folded(text))


def _stands(value: str, text: str) -> bool:
    """Tell whether the value stands in the text whole: not as a piece of a longer word, number or address."""
    # Chinese has no spaces, so only Latin letters and digits beside the value make it a piece.
    return bool(value) and bool(
        re.search(rf"(?<![a-z0-9_@+-])(?<![a-z0-9]\.){re.escape(value)}(?![a-z0-9_@+-])(?!\.[a-z0-9])", text)
    )
