"""Keeps a list in pieces that are stored once per thread: versions of it share what they have in common.

A piece is a run of values. The names of the pieces are digests of what they hold. They go into nodes, which are named
the same way, until few enough are left for the manifest, which stands where the value would. So whatever a reducer
does to a list, a new version costs what is new in it, and a few names.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import cached_property
from zlib import crc32

from twintrack.memory.checkpoint_texts import run_of

ITEM_NAME = 16
PIECE_BYTES = 256
"""A piece at the end of a list ends with the value that brings it to this size."""
BLOCK_BYTES = 4096
"""Before the end, pieces are larger, so that a read takes few of them: from this size on one ends where its last value
says so, so that a value put in early moves few borders."""
BLOCK_MOST = 16_384
"""A piece that has come to this size ends in any case."""
_BLOCK_ENDS = 3
LIST_BYTES = 1024
"""Shorter lists are stored whole."""
TOP = 64
"""Names in a manifest, at most."""
_FEWEST, _MOST = 4, 128
"""Names in a node; between these a node ends where a name says so, so that a value put in early moves few borders."""
_ENDS = 8
REMEMBERED = 100_000
"""Names of stored items that one process remembers."""


@dataclass(frozen=True)
class Listed:
    """A list as it will be stored."""

    kind: str
    pieces: dict[bytes, bytes]
    """Pieces by name, not sealed."""
    nodes: dict[bytes, bytes]
    """Nodes of names by name."""
    top: list[bytes]
    """Names in the manifest."""
    levels: int
    """Nodes between the manifest and a piece."""
    seal: Callable[[bytes], bytes] = field(compare=False)

    @property
    def manifest(self) -> bytes:
        """Return what stands for the list among the channel values; its first byte tells it from a value."""
        head = b"\0%d\n%s\n" % (self.levels, self.kind.encode())
        return b"".join((head, *self.top))

    @cached_property
    def names(self) -> frozenset[bytes]:
        """Names of everything the list is stored in."""
        return frozenset((*self.pieces, *self.nodes))

    def beyond(self, known: Set[bytes]) -> tuple[list[tuple[bytes, bytes]], set[bytes]]:
        """Return what has to be sent, and the names that must be there already."""
        nodes = {name: body for name, body in self.nodes.items() if name not in known}
        pieces = {name: self.seal(body) for name, body in self.pieces.items() if name not in known}
        relied = {*self.top, *(name for body in nodes.values() for name in cut(body))}
        return [*pieces.items(), *nodes.items()], relied - pieces.keys() - nodes.keys()


@dataclass(frozen=True, slots=True)
class Pieces:
    """A list as read."""

    kind: str
    nodes: list[bytes]
    names: list[bytes]
    bodies: Sequence[bytes] = ()
    """In the order of the names; empty until they are read."""

    @property
    def lacks(self) -> Sequence[bytes]:
        """Names of the pieces that have yet to be read."""
        return () if self.bodies else self.names

    def filled(self, bodies: Mapping[bytes, bytes]) -> "Pieces":
        """Return the list with what it lacks."""
        return replace(self, bodies=[bodies[name] for name in self.names]) if self.lacks else self


def cut(names: bytes, size: int = ITEM_NAME) -> list[bytes]:
    """Return the single names, each of so many bytes."""
    return [names[at : at + size] for at in range(0, len(names), size)]


def in_pieces(
    values: Sequence[bytes], kind: str, digest: Callable[[bytes, bytes], bytes], seal: Callable[[bytes], bytes]
) -> Listed:
    """Return a list of packed values as it will be stored."""
    pieces = [(digest(piece, b"piece"), piece) for piece in _pieces(values)]
    names, nodes, levels = [name for name, _ in pieces], dict[bytes, bytes](), 0
    while len(names) > TOP:
        made = [(digest(body, b"node"), body) for body in _nodes(names)]
        nodes.update(made)
        names, levels = [name for name, _ in made], levels + 1
    return Listed(kind, dict(pieces), nodes, names, levels, seal)


def read_manifest(head: bytes, nodes: bytes, names: bytes, bodies: Sequence[bytes] = ()) -> Pieces:
    """Return a list from the start of its manifest and what the manifest leads to."""
    _, kind, _ = head.split(b"\n")
    return Pieces(kind.decode(), cut(nodes), cut(names), bodies)


def top_of(manifest: bytes) -> tuple[int, list[bytes]]:
    """Return how many levels of nodes stand below a manifest, and the names in it."""
    return int(manifest[1:2]), cut(manifest.split(b"\n", 2)[2])


def _pieces(values: Sequence[bytes]) -> Iterator[bytes]:
    """Yield the values in pieces: what may still grow in small ones, what is behind it in large ones.

    So a value that is added is written twice, however long the list: as it comes, and when its block is full.
    """
    start = size = 0
    for at, value in enumerate(values, 1):
        size += len(value)
        if size >= BLOCK_MOST or (size >= BLOCK_BYTES and not crc32(value) & _BLOCK_ENDS):
            yield run_of(values[start:at])
            start, size = at, 0
    yield from _small(values[start:])


def _small(values: Sequence[bytes]) -> Iterator[bytes]:
    run, size = list[bytes](), 0
    for value in values:
        run.append(value)
        size += len(value)
        if size >= PIECE_BYTES:
            yield run_of(run)
            run, size = [], 0
    if run:
        yield run_of(run)


def _nodes(names: Sequence[bytes]) -> Iterator[bytes]:
    run = list[bytes]()
    for name in names:
        run.append(name)
        if len(run) >= _FEWEST and (name[0] < _ENDS or len(run) == _MOST):
            yield b"".join(run)
            run = []
    if run:
        yield b"".join(run)


class Known:
    """Remembers what is stored, so that it is not sent again; the server has the last word."""

    def __init__(self, limit: int = REMEMBERED) -> None:
        self._limit, self._size = limit, 0
        self._names: OrderedDict[tuple[str, bytes], Set[bytes]] = OrderedDict()

    def of(self, thread_id: str, channel: bytes) -> Set[bytes]:
        """Return the names of what this channel's newest known version is stored in."""
        return self._names.get((thread_id, channel), frozenset())

    def learn(self, thread_id: str, channel: bytes, names: Set[bytes]) -> None:
        """Take note of a version that was read or written."""
        self.forget(thread_id, channel)
        self._names[thread_id, channel] = names
        self._size += len(names)
        while self._size > self._limit:
            self._size -= len(self._names.popitem(last=False)[1])

    def forget(self, thread_id: str, channel: bytes) -> None:
        """Know nothing of the channel any more."""
        self._size -= len(self._names.pop((thread_id, channel), ()))
