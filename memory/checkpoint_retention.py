"""Decides which versions of a thread stay when old ones go."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Head:
    """What of a version decides whether it stays."""

    parent: bytes
    """Name of the version before; no version's where there is none."""
    tags: Sequence[bytes]
    """Marks of its delta channels."""
    names: Sequence[bytes]
    """Names of its channels' values."""
    asked: bool
    """Whether it asked a person something."""


@dataclass(frozen=True, slots=True)
class Retention:
    """How much of a thread stays.

    So many of the root's newest versions, and what subgraphs have done since, or that many of each namespace. In any
    case all versions of the root that are named or asked a person something, and what subgraphs need so that each
    kept one can be gone back to.
    """

    count: int
    of_each: bool = False

    def kept(self, heads: Mapping[bytes, Head], named: Set[bytes]) -> set[bytes]:
        """Return the names of the versions that stay."""
        spaces = _spaces(heads)
        root = spaces.pop(b"", [])
        oldest = root[-self.count :][0] if root else b""
        roots = [id_ for id_ in root if id_ >= oldest or b"\0" + id_ in named or heads[b"\0" + id_].asked]
        asked = _spans(root, {id_ for id_ in root if heads[b"\0" + id_].asked})
        keep = {b"\0" + id_ for id_ in roots}
        for ns, ids in spaces.items():
            held = ids[-self.count :] if self.of_each else ids[bisect_left(ids, oldest) :]
            keep.update(ns + b"\0" + id_ for id_ in (*held, *_had_come(ids, asked), *_before(ns, ids, roots)))
        return keep


def needed(kept: Iterable[bytes], heads: Mapping[bytes, Head], stored: Set[bytes]) -> set[bytes]:
    """Return what kept versions are rebuilt from: ancestors back to each delta channel's nearest stored value."""
    wanted: dict[bytes, set[bytes]] = {}
    left = [(heads[name].parent, _lacking(heads[name], heads[name].tags, stored)) for name in kept]
    while left:
        name, tags = left.pop()
        fresh = tags - wanted.get(name, set())
        if fresh and name in heads:
            wanted.setdefault(name, set()).update(fresh)
            left.append((heads[name].parent, _lacking(heads[name], fresh, stored)))
    return set(wanted)


def _lacking(head: Head, tags: Iterable[bytes], stored: Set[bytes]) -> set[bytes]:
    return {tag for tag in tags if not any(name.startswith(tag) and name in stored for name in head.names)}


def _spaces(names: Iterable[bytes]) -> dict[bytes, list[bytes]]:
    """Return the ids of each namespace, oldest first."""
    spaces: dict[bytes, list[bytes]] = {}
    for name in sorted(names):
        ns, id_ = name.split(b"\0", 1)
        spaces.setdefault(ns, []).append(id_)
    return spaces


def _spans(root: Sequence[bytes], asked: Set[bytes]) -> list[tuple[bytes, bytes]]:
    """Return from where to where subgraphs had come on when the root asked: until its next version."""
    return [(id_, (*root[at + 1 : at + 2], b"\xff")[0]) for at, id_ in enumerate(root) if id_ in asked]


def _had_come(ids: Sequence[bytes], asked: Iterable[tuple[bytes, bytes]]) -> Iterator[bytes]:
    """Yield how far a subgraph had come when the root asked."""
    for since, till in asked:
        yield from (id_ for id_ in _newest_below(ids, till) if id_ > since)


def _before(ns: bytes, ids: Sequence[bytes], roots: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the newest before each kept root; nothing goes back into a colon's namespace, of one task of one run."""
    for root in () if b":" in ns else roots:
        yield from _newest_below(ids, root)


def _newest_below(ids: Sequence[bytes], limit: bytes) -> Sequence[bytes]:
    return ids[: bisect_left(ids, limit)][-1:]
