"""Values of a list packed so that a conversation is read quickly: a message that is nothing but text is just that.

A packed value is a code and what the code says: a kind of message, its text and its id; or any value in msgpack. A run
of them is one msgpack array, whose strings come out ready for use.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import ormsgpack
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from pydantic import BaseModel

_OTHER = 0
"""Code of a value that is no mere text; kinds of messages count from 1."""
_OPTIONS = ormsgpack.OPT_REPLACE_SURROGATES
_NEW = object.__new__
_set_fields = BaseModel.__dict__["__dict__"].__set__
_set_names, _set_extra, _set_private = (
    BaseModel.__dict__[f"__pydantic_{slot}__"].__set__ for slot in ("fields_set", "extra", "private")
)


class _Text:
    """Packs messages that are nothing but text as that text, and makes them again; there is nothing to check."""

    def __init__(self, code: int, kind: Any) -> None:
        self._code, self._kind, self._usual = code, kind, kind(content="").model_dump()
        self._names = set(self._usual)
        self._lists = [name for name, value in self._usual.items() if type(value) is list]

    def pack(self, message: Any) -> bytes | None:
        """Return the message as bytes, or None where there is more to it."""
        fields = message.__dict__
        content, id_ = fields.get("content"), fields.get("id")
        if type(content) is not str or not (id_ is None or type(id_) is str) or message.__pydantic_extra__:
            return None
        if fields != {**self._usual, "content": content, "id": id_}:
            return None
        return ormsgpack.packb((self._code, content, id_), option=_OPTIONS)[1:]

    def make(self, content: str, id_: str | None) -> Any:
        """Return the message."""
        fields = self._usual.copy()
        fields["content"], fields["id"] = content, id_
        fields["additional_kwargs"], fields["response_metadata"] = {}, {}
        for name in self._lists:
            fields[name] = []
        made = _NEW(self._kind)
        _set_fields(made, fields)
        _set_names(made, self._names.copy())
        _set_extra(made, {})
        _set_private(made, None)
        return made


_KINDS = (AIMessage, HumanMessage, SystemMessage)
_TEXTS: dict[Any, _Text] = {kind: _Text(code, kind) for code, kind in enumerate(_KINDS, _OTHER + 1)}
_MAKERS = [None, *(text.make for text in _TEXTS.values())]


def pack(value: Any, otherwise: Callable[[Any], bytes]) -> bytes:
    """Return one value; what is no mere text is packed `otherwise`, as one value of msgpack."""
    text = _TEXTS.get(type(value))
    return (text and text.pack(value)) or b"\0" + otherwise(value)


def run_of(values: Sequence[bytes]) -> bytes:
    """Return packed values as one array."""
    return array(sum(3 if value[0] else 2 for value in values), values)


def unrun(found: Sequence[Any]) -> Iterator[Any]:
    """Yield the values whose array was read."""
    parts = iter(found)
    for code in parts:
        make = _MAKERS[code]
        yield make(next(parts), next(parts)) if make else next(parts)


def array(count: int, items: Sequence[bytes]) -> bytes:
    """Return the msgpack array of `count` items, which lie in these bytes one after the other."""
    if count < 16:
        head = bytes([0x90 | count])
    elif count < 65_536:
        head = b"\xdc" + count.to_bytes(2, "big")
    else:
        head = b"\xdd" + count.to_bytes(4, "big")
    return b"".join((head, *items))
