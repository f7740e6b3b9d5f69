"""One checkpoint on its way into the storage, and as it comes out."""

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any

from twintrack.memory.checkpoint_lists import Listed, Pieces, read_manifest
from twintrack.memory.checkpoint_rows import Row, Typed, Write, member, pack_blob, place, unpack_blob, write_name

ANY = b"*"


@dataclass(frozen=True, slots=True)
class Put:
    """One checkpoint to store."""

    ns: str
    checkpoint_id: str
    row: Row
    blobs: dict[bytes, Typed | Listed] = field(default_factory=dict)
    empty: Sequence[bytes] = ()
    """Names of channel values that are gone at their new version."""
    run_id: str = ""
    expect: str | None = None
    """Id that must be the newest of the namespace, empty for none; None stores in any case."""
    shares: bytes = b""
    """Name of a version that must be there, because its values are this one's too."""

    def arguments(self, known: Callable[[bytes], Set[bytes]]) -> list[bytes]:
        """Return what the script takes; `known` tells what of a list's former version is stored."""
        expect = ANY if self.expect is None else member(self.ns, self.expect) if self.expect else b""
        blobs, items, relied = list[bytes](), list[bytes](), set[bytes]()
        for name, value in self.blobs.items():
            if isinstance(value, Listed):
                fresh, old = value.beyond(known(name))
                items += [part for pair in fresh for part in pair]
                relied |= old
                blobs += [name, value.manifest]
            else:
                blobs += [name, pack_blob(value)]
        return [
            *(member(self.ns, self.checkpoint_id), self.row.pack(), self.run_id.encode(), expect, self.shares),
            *(b"%d" % len(self.blobs), *blobs, b"%d" % len(self.empty), *self.empty),
            *(b"%d" % (len(items) // 2), *items, b"".join(relied)),
        ]

    @property
    def lists(self) -> dict[bytes, Listed]:
        """The values that are stored in pieces."""
        return {name: value for name, value in self.blobs.items() if isinstance(value, Listed)}


@dataclass(frozen=True, slots=True)
class Stored:
    """One checkpoint as read."""

    ns: str
    checkpoint_id: str
    row: Row
    blobs: list[Typed | Pieces | None]
    """In the order of the row's names."""
    writes: list[Write]
    """In the order in which the super-step applies them."""

    @classmethod
    def of(cls, entry: Any) -> "Stored":
        """Return the checkpoint that a script found."""
        name, row, blobs, writes = entry
        return cls(
            *place(name),
            row=Row.unpack(row),
            blobs=[None if raw is None else blob_of(raw) for raw in blobs],
            writes=sorted((Write.unpack(raw) for raw in writes if raw), key=order),
        )

    @property
    def lists(self) -> dict[bytes, Pieces]:
        """The values that are stored in pieces."""
        pairs = zip(self.row.names, self.blobs, strict=True)
        return {name: value for name, value in pairs if isinstance(value, Pieces)}

    def filled(self, bodies: Mapping[bytes, bytes]) -> "Stored":
        """Return the checkpoint with the pieces that its lists lack."""
        blobs = [value.filled(bodies) if isinstance(value, Pieces) else value for value in self.blobs]
        return replace(self, blobs=blobs)


def blob_of(raw: Any) -> Typed | Pieces:
    """Return one channel's value from what a script found."""
    return read_manifest(*raw) if isinstance(raw, list) else unpack_blob(raw)


def order(write: Write) -> tuple[str, str, int]:
    """Return what a super-step sorts its writes by."""
    return (write.path, write.task_id, write.index)


def named(version: bytes, writes: Sequence[Write]) -> list[bytes]:
    """Return name, whether it replaces what is there, and value of each write to a version, in turn."""
    listed = list[bytes]()
    for write in writes:
        name = write_name(version, write.task_id, write.index)
        listed += (name, b"1" if write.index < 0 else b"0", write.pack())
    return listed
