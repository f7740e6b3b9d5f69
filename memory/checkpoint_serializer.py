"""Turns state into bytes and back: strict msgpack, encrypted when there is a key."""

from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from typing import Any

import ormsgpack
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
    SystemMessage,
    SystemMessageChunk,
    ToolMessage,
    ToolMessageChunk,
)
from langgraph.checkpoint.serde.jsonplus import EXT_PYDANTIC_V2, JsonPlusSerializer

from twintrack.core.errors import SettingsError
from twintrack.memory.checkpoint_cipher import FIX, AesGcm
from twintrack.memory.checkpoint_rows import Typed

Hook = Callable[[int, bytes], Any]

_MESSAGES: dict[tuple[str, str], Any] = {
    (kind.__module__, kind.__name__): kind
    for kind in (
        *(AIMessage, AIMessageChunk, ChatMessage, ChatMessageChunk, FunctionMessage, FunctionMessageChunk),
        *(HumanMessage, HumanMessageChunk, SystemMessage, SystemMessageChunk, ToolMessage, ToolMessageChunk),
        Document,
    )
}
"""Allowed classes that a conversation has many of, and whose constructors do nothing but validate."""

_NEW, _SET = object.__new__, object.__setattr__
_TEXT = 101
"""Code of a message that is nothing but text, among the values of a list; LangGraph's own codes are single digits."""
_OPTIONS = ormsgpack.OPT_REPLACE_SURROGATES


class _Text:
    """Packs messages that are nothing but text as that text, and makes them again; there is nothing to check."""

    def __init__(self, kind: Any) -> None:
        self._kind, self._usual = kind, kind(content="").model_dump()
        self.type = self._usual["type"]
        self._names, self._fresh = (
            frozenset(self._usual),
            [(name, type(value)) for name, value in self._usual.items() if isinstance(value, dict | list)],
        )

    def pack(self, message: Any) -> bytes | None:
        """Return the message as bytes, or None where there is more to it."""
        fields = message.__dict__
        content, id_ = fields.get("content"), fields.get("id")
        if type(content) is not str or not (id_ is None or type(id_) is str) or message.__pydantic_extra__:
            return None
        if fields != {**self._usual, "content": content, "id": id_}:
            return None
        text = ormsgpack.packb((self.type, content, id_), option=_OPTIONS)
        return ormsgpack.packb(ormsgpack.Ext(_TEXT, text))

    def make(self, content: str, id_: str | None) -> Any:
        """Return the message."""
        fields = self._usual.copy()
        fields["content"], fields["id"] = content, id_
        for name, kind in self._fresh:
            fields[name] = kind()
        made = _NEW(self._kind)
        _SET(made, "__dict__", fields)
        _SET(made, "__pydantic_fields_set__", set(self._names))
        _SET(made, "__pydantic_extra__", {})
        _SET(made, "__pydantic_private__", None)
        return made


_TEXTS = {kind: _Text(kind) for kind in (AIMessage, HumanMessage, SystemMessage)}
_TEXTS_BY_TYPE = {text.type: text for text in _TEXTS.values()}


class CheckpointSerializer(JsonPlusSerializer):
    """Writes what LangGraph's serializer writes; builds only messages, plain values and the allowed types.

    Args:
        key: 16, 24 or 32 bytes to encrypt with, or None.
        allowed_types: classes beside messages and plain values that may be rebuilt on reading.
    """

    def __init__(self, key: bytes | None = None, allowed_types: Iterable[type | tuple[str, str]] = ()) -> None:
        allowed = [kind if isinstance(kind, tuple) else (kind.__module__, kind.__name__) for kind in allowed_types]
        super().__init__(allowed_msgpack_modules=allowed or None)
        self._cipher = None if key is None else AesGcm(key)
        self._digest_key = b"" if key is None else blake2b(key, person=b"checkpoint item").digest()
        self._unpack_ext_hook = _quick(self._unpack_ext_hook)

    def with_msgpack_allowlist(self, extra_allowlist: Iterable[tuple[str, ...] | type]) -> JsonPlusSerializer:
        """Return a serializer that builds these types too."""
        clone = super().with_msgpack_allowlist(extra_allowlist)
        if clone is not self:
            clone._unpack_ext_hook = _quick(clone._unpack_ext_hook)
        return clone

    def dumps_typed(self, obj: Any) -> Typed:
        """Return a value's type and bytes."""
        kind, data = super().dumps_typed(obj)
        return (kind, data) if self._cipher is None else self._sealed(kind, data)

    def loads_typed(self, data: Typed) -> Any:
        """Return the value.

        Raises:
            SettingsError: it is encrypted, with another key than ours or while we have none.
        """
        return super().loads_typed(self._opened(*data) if "+" in data[0] else data)

    def split(self, values: Sequence[Any]) -> list[bytes]:
        """Return each value on its own, not encrypted; `join` takes any run of them."""
        return [self._packed(value) for value in values]

    def _packed(self, value: Any) -> bytes:
        text = _TEXTS.get(type(value))
        return (text and text.pack(value)) or super().dumps_typed([value])[1][1:]

    def seal(self, data: bytes) -> bytes:
        """Return what `split` gave as it may be stored."""
        return data if self._cipher is None else self._cipher.encrypt(data)[1]

    def digest(self, data: bytes, person: bytes) -> bytes:
        """Return a short name of some bytes that tells who has no key nothing about them."""
        return blake2b(data, digest_size=16, key=self._digest_key, person=person).digest()

    @property
    def list_kind(self) -> str:
        """Type of a list that is stored in sealed pieces."""
        return "msgpack" if self._cipher is None else "msgpack+aesgcm"

    def join(self, kind: str, count: int, pieces: Sequence[bytes]) -> list[Any]:
        """Return the list of `count` values whose sealed pieces these are."""
        plain = [self._opened(kind, piece)[1] for piece in pieces] if "+" in kind else pieces
        return list(super().loads_typed(("msgpack", array(count, plain))))

    def _sealed(self, kind: str, data: bytes) -> Typed:
        cipher, sealed = self._cipher.encrypt(data) if self._cipher else ("", data)
        return f"{kind}+{cipher}", sealed

    def _opened(self, kind: str, data: bytes) -> Typed:
        if self._cipher is None:
            raise SettingsError("A checkpoint is encrypted and no key is set.", fix=FIX)
        plain, cipher = kind.split("+", 1)
        return plain, self._cipher.decrypt(cipher, data)


def array(count: int, items: Sequence[bytes]) -> bytes:
    """Return the msgpack array of `count` items, which lie in these bytes one after the other."""
    if count < 16:
        head = bytes([0x90 | count])
    elif count < 65_536:
        head = b"\xdc" + count.to_bytes(2, "big")
    else:
        head = b"\xdd" + count.to_bytes(4, "big")
    return b"".join((head, *items))


def _quick(slow: Hook) -> Hook:
    """Return the same hook with a shorter way to messages: no import per message, no constructor around the check."""

    def hook(code: int, data: bytes) -> Any:
        if code == _TEXT:
            kind, content, id_ = ormsgpack.unpackb(data)
            return _TEXTS_BY_TYPE[kind].make(content, id_)
        if code != EXT_PYDANTIC_V2:
            return slow(code, data)
        try:
            module, name, fields, _ = ormsgpack.unpackb(data, ext_hook=hook, option=ormsgpack.OPT_NON_STR_KEYS)
            if "content_blocks" in fields:  # the one argument that constructors look at
                return slow(code, data)
            built = _MESSAGES[module, name]
            return built.__pydantic_validator__.validate_python(fields, self_instance=_NEW(built))
        except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError):
            return slow(code, data)

    return hook
