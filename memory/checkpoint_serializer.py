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

from twintrack.core.errors import SettingsError, TwintrackError
from twintrack.memory.checkpoint_cipher import FIX, AesGcm
from twintrack.memory.checkpoint_rows import Typed
from twintrack.memory.checkpoint_texts import pack, unrun

RUNS = "runs"
"""Type of a list that is stored in pieces, each a run of its values."""

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

_NEW = object.__new__


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
        """Return each value on its own, not encrypted; runs of them are what `join` takes."""
        return [pack(value, self._plain) for value in values]

    def _plain(self, value: Any) -> bytes:
        return super().dumps_typed([value])[1][1:]

    def seal(self, data: bytes) -> bytes:
        """Return what `split` gave as it may be stored."""
        return data if self._cipher is None else self._cipher.encrypt(data)[1]

    def digest(self, data: bytes, person: bytes) -> bytes:
        """Return a short name of some bytes that tells who has no key nothing about them."""
        return blake2b(data, digest_size=16, key=self._digest_key, person=person).digest()

    @property
    def list_kind(self) -> str:
        """Type of a list that is stored in sealed runs."""
        return RUNS if self._cipher is None else f"{RUNS}+aesgcm"

    def join(self, kind: str, runs: Sequence[bytes]) -> list[Any]:
        """Return the values of sealed runs, one after the other.

        Raises:
            TwintrackError: an earlier build wrote them.
        """
        if kind.partition("+")[0] != RUNS:
            raise TwintrackError("This thread was written by an earlier build.", fix="begin a new thread")
        plain = [self._opened(kind, run)[1] for run in runs] if "+" in kind else runs
        read = super().loads_typed
        return [value for run in plain for value in unrun(read(("msgpack", run)))]

    def _sealed(self, kind: str, data: bytes) -> Typed:
        cipher, sealed = self._cipher.encrypt(data) if self._cipher else ("", data)
        return f"{kind}+{cipher}", sealed

    def _opened(self, kind: str, data: bytes) -> Typed:
        if self._cipher is None:
            raise SettingsError("A checkpoint is encrypted and no key is set.", fix=FIX)
        plain, cipher = kind.split("+", 1)
        return plain, self._cipher.decrypt(cipher, data)


def _quick(slow: Hook) -> Hook:
    """Return the same hook with a shorter way to messages: no import per message, no constructor around the check."""

    def hook(code: int, data: bytes) -> Any:
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
