"""A saver in plain dictionaries, to compare the real one with; it holds what was put, and knows no storage."""

from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

Place = tuple[str, str]
"""Namespace and id."""
COUNTERS = "counters_since_delta_snapshot"


@dataclass
class Kept:
    """One version as it should be read."""

    values: dict[str, Any]
    metadata: dict[str, Any]
    parent: str
    versions: dict[str, str] = field(default_factory=dict)
    writes: dict[tuple[str, int], tuple[str, Any]] = field(default_factory=dict)

    @property
    def asked(self) -> bool:
        return any(channel == "__interrupt__" for channel, _ in self.writes.values())

    @property
    def rebuilt(self) -> list[str]:
        """Channels whose value has to be rebuilt from ancestors."""
        return [name for name in self.metadata.get(COUNTERS, {}) if name not in self.values]


@dataclass
class Thread:
    """One thread as it should be."""

    versions: dict[Place, Kept] = field(default_factory=dict)
    ever: dict[Place, Kept] = field(default_factory=dict)
    """Removed versions too: what is rebuilt from ancestors must not change because some of them went."""
    runs: dict[str, set[Place]] = field(default_factory=dict)
    names: dict[str, Place] = field(default_factory=dict)

    def listed(self, ns: str | None) -> list[Place]:
        """Return the versions of a namespace, or of all, newest first."""
        places = [place for place in self.versions if ns is None or place[0] == ns]
        return sorted(places, key=lambda place: place[1], reverse=True)

    def put(self, place: Place, version: Kept) -> None:
        self.versions[place] = self.ever[place] = version

    def keep(self, kept: Iterable[Place]) -> None:
        """Remove the others, but for those that a kept one is rebuilt from."""
        needed = {older for place in kept for older in self._rebuilt_from(place, self.versions[place].rebuilt)}
        self.versions = {place: self.versions[place] for place in self.versions if place in {*kept, *needed}}
        self.names = {name: place for name, place in self.names.items() if place in self.versions}
        left = {run: {place for place in made if place in self.versions} for run, made in self.runs.items()}
        self.runs = {run: made for run, made in left.items() if made}
        if not self.versions:
            self.ever.clear()

    def _rebuilt_from(self, place: Place, channels: list[str]) -> Iterator[Place]:
        while channels and (older := (place[0], self.ever[place].parent)) in self.ever:
            yield older
            place, channels = older, [name for name in channels if name not in self.ever[older].values]

    def history(self, place: Place, channel: str) -> tuple[list[Any], Any]:
        """Return what was written to a channel since its nearest stored value, and that value."""
        written: list[Any] = []
        for older in self._rebuilt_from(place, [channel]):
            kept = self.ever[older]
            ordered = [kept.writes[at] for at in sorted(kept.writes)]
            written = [value for name, value in ordered if name == channel] + written
            if channel in kept.values:
                return written, kept.values[channel]
        return written, None

    def spaces(self) -> set[str]:
        return {ns for ns, _ in self.versions}


class Model:
    """Every thread, and what each operation of a saver should make of them."""

    def __init__(self) -> None:
        self.threads: dict[str, Thread] = {}

    def thread(self, name: str) -> Thread:
        return self.threads.setdefault(name, Thread())

    def put(self, name: str, place: Place, version: Kept, run: str) -> None:
        thread = self.thread(name)
        thread.put(place, version)
        thread.runs.setdefault(run, set()).add(place)

    def write(self, name: str, place: Place, task: str, writes: list[tuple[str, Any]]) -> None:
        held = self.thread(name).versions[place].writes
        for index, (channel, value) in enumerate(writes):
            special = channel.startswith("__")
            if special or (task, index) not in held:
                held[task, -1 if special else index] = (channel, value)

    def save(self, name: str, label: str, place: Place) -> bool:
        return self.thread(name).names.setdefault(label, place) == place

    def delete(self, name: str) -> None:
        self.threads.pop(name, None)

    def delete_run(self, run: str) -> None:
        for thread in self.threads.values():
            if gone := thread.runs.get(run):
                thread.keep(set(thread.versions) - gone)

    def copy(self, name: str, target: str) -> None:
        source = self.thread(name)
        self.threads[target] = deepcopy(replace(source, runs={}))

    def prune(self, name: str, count: int | None = None) -> None:
        """Keep the newest of each namespace, or so many of the root and what subgraphs did since.

        Those that asked something, or have a name, stay in any case, with what they need in subgraphs.
        """
        thread = self.thread(name)
        root = thread.listed("")
        newest = root[: count or 1]
        asked = [place for place in root if thread.versions[place].asked]
        roots = {*newest, *asked, *(place for place in thread.names.values() if not place[0])}
        if count is None:
            kept = roots | {thread.listed(ns)[0] for ns in thread.spaces()}
        else:
            oldest = newest[-1][1] if newest else ""
            kept = roots | {place for place in thread.versions if place[0] and place[1] >= oldest}
        for ns in thread.spaces() - {""}:
            kept |= {place for at in asked for place in _had_come(thread.listed(ns), at, root)}
            for _, at in roots if ":" not in ns else ():
                kept |= set([place for place in thread.listed(ns) if place[1] < at][:1])
        thread.keep(kept)

    def rollback(self, name: str, to: Place) -> dict[str, Kept]:
        """Return the new version of each namespace, without an id."""
        thread = self.thread(name)
        again = {"": _again(thread.versions[to])}
        for ns in thread.spaces() - {""}:
            held = thread.listed(ns)
            then = next((place for place in held if place[1] < to[1]), None)
            if ":" not in ns and then != held[0]:
                again[ns] = _again(thread.versions[then]) if then else _empty(thread.versions[held[0]])
        return again


def _had_come(held: list[Place], asked: Place, root: list[Place]) -> list[Place]:
    """Return how far a subgraph had come when the root asked: its newest before the root's next version."""
    at = root.index(asked)
    till = root[at - 1][1] if at else "~"
    return [place for place in held if asked[1] < place[1] < till][:1]


def _again(version: Kept) -> Kept:
    metadata = {label: value for label, value in version.metadata.items() if label != "run_id"}
    return replace(version, metadata=metadata, writes={})


def _empty(version: Kept) -> Kept:
    metadata = {label: value for label, value in _again(version).metadata.items() if label != COUNTERS}
    return Kept({}, metadata | {"step": -2}, "")
