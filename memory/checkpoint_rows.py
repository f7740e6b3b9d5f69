"""How a checkpoint is written down in Redis: names, rows, blobs and writes, as bytes."""

import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from json.encoder import encode_basestring_ascii as quoted

Typed = tuple[str, bytes]
"""A value as a serializer gives it: its type and its bytes."""
Version = str | int | float

NAME_BYTES = 20
TAG_BYTES = 8
_ESCAPES = {b"\x01": b"\x01\x01", b"\0": b"\x01\x02", b"\n": b"\x01\x03"}
_SPECIAL = re.compile(rb"[\x00\x01\n]")
_PLAIN = {escaped: plain for plain, escaped in _ESCAPES.items()}


def part(text: str) -> bytes:
    """Return `text` as bytes without NUL or newline; distinct texts stay distinct."""
    if text.isprintable():  # nearly every name is
        return text.encode()
    return _SPECIAL.sub(lambda found: _ESCAPES[found[0]], text.encode("utf-8", "surrogatepass"))


def text(raw: bytes) -> str:
    """Return what `part` was given."""
    return re.sub(rb"\x01.", lambda found: _PLAIN[found[0]], raw).decode("utf-8", "surrogatepass")


def member(ns: str, checkpoint_id: str) -> bytes:
    """Return the name of a checkpoint within its thread; members of one namespace sort by id."""
    return part(ns) + b"\0" + part(checkpoint_id)


def place(name: bytes) -> tuple[str, str]:
    """Return the namespace and id that `member` was given."""
    ns, checkpoint_id = name.split(b"\0", 1)
    return text(ns), text(checkpoint_id)


@lru_cache(4096)
def tag(channel: str) -> bytes:
    """Return the short mark of a channel that scripts compare; printable."""
    return urlsafe_b64encode(_digest(6, channel))


@lru_cache(16_384)
def blob_name(ns: str, channel: str, version: Version) -> bytes:
    """Return the name of one channel's value at one version."""
    return tag(channel) + _digest(12, ns, channel, repr(version))


def write_name(version: bytes, task_id: str, index: int) -> bytes:
    """Return the name of one write to the version that `member` names; the same task and index give the same name."""
    return blake2b(b"%b\0%b\0%d" % (version, part(task_id), index), digest_size=16).digest()


def pack_blob(value: Typed) -> bytes:
    """Return one channel's value as stored."""
    return value[0].encode() + b"\n" + value[1]


def unpack_blob(raw: bytes) -> Typed:
    """Return the value that `pack_blob` wrote."""
    kind, data = raw.split(b"\n", 1)
    return kind.decode(), data


@dataclass(frozen=True, slots=True)
class Write:
    """One value a task wrote to one channel."""

    task_id: str
    channel: str
    index: int
    path: str
    value: Typed

    def pack(self) -> bytes:
        """Return the write as stored: its channel's tag first, for the scripts."""
        task, channel, path, kind = map(quoted, (self.task_id, self.channel, self.path, self.value[0]))
        head = f"[{task}, {channel}, {self.index}, {path}, {kind}]\n"
        return b"".join((tag(self.channel), head.encode(), self.value[1]))

    @classmethod
    def unpack(cls, raw: bytes) -> "Write":
        """Return the write that `pack` wrote."""
        head, data = raw[8:].split(b"\n", 1)
        task_id, channel, index, path, kind = json.loads(head)
        return cls(task_id, channel, index, path, (kind, data))


@dataclass(frozen=True, slots=True)
class Row:
    """One checkpoint without its channel values."""

    parent: str
    checkpoint: Typed
    metadata: Typed
    names: Sequence[bytes] = ()
    """Blob names of its channels, in the order of its channel versions."""
    delta_tags: Sequence[bytes] = ()
    """Tags of the channels whose value is rebuilt from ancestors."""

    def pack(self) -> bytes:
        """Return the row as stored; scripts read all but the body."""
        names = b"".join(self.names)
        body = f"[{quoted(self.checkpoint[0])}, {quoted(self.metadata[0])}, {len(self.checkpoint[1])}]\n"
        head = b"%s\n%s\n%d\n" % (part(self.parent), b"".join(self.delta_tags), len(names))
        return b"".join((head, names, body.encode(), self.checkpoint[1], self.metadata[1]))

    @classmethod
    def unpack(cls, raw: bytes) -> "Row":
        """Return the row that `pack` wrote."""
        parent, tags, count, rest = raw.split(b"\n", 3)
        names, rest = rest[: int(count)], rest[int(count) :]
        head, rest = rest.split(b"\n", 1)
        checkpoint_type, metadata_type, size = json.loads(head)
        return cls(
            parent=text(parent),
            checkpoint=(checkpoint_type, rest[:size]),
            metadata=(metadata_type, rest[size:]),
            names=[names[at : at + NAME_BYTES] for at in range(0, len(names), NAME_BYTES)],
            delta_tags=[tags[at : at + TAG_BYTES] for at in range(0, len(tags), TAG_BYTES)],
        )


def _digest(size: int, *parts: str) -> bytes:
    plain = "".join(parts).isprintable()
    raw = "\0".join(parts).encode() if plain else b"\0".join(map(part, parts))
    return blake2b(raw, digest_size=size).digest()
