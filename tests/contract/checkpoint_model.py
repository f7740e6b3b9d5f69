"""A saver in plain dictionaries, to compare the real one with; it holds what was put, and knows no storage."""

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

Place = tuple[str, str]
"""Namespace and id."""


@dataclass
class Kept:
    """One version as it should be read."""

    values: dict[str, Any]
    metadata: dict[str, Any]
    parent: str
    writes: dict[tuple[str, int], tuple[str, Any]] = field(default_factory=dict)


@dataclass
class Thread:
    """One thread as it should be."""

    versions: dict[Place, Kept] = field(default_factory=dict)
    runs: dict[str, set[Place]] = field(default_factory=dict)

    def listed(self, ns: str | None) -> list[Place]:
        """Return the versions of a namespace, or of all, newest first."""
        places = [place for place in self.versions if ns is None or place[0] == ns]
        return sorted(places, key=lambda place: place[1], reverse=True)

    def keep(self, kept: set[Place]) -> None:
        self.versions = {place: version for place, version in self.versions.items() if place in kept}

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
        thread.versions[place] = version
        thread.runs.setdefault(run, set()).add(place)

    def write(self, name: str, place: Place, task: str, writes: list[tuple[str, Any]]) -> None:
        held = self.thread(name).versions[place].writes
        for index, (channel, value) in enumerate(writes):
            special = channel.startswith("__")
            if special or (task, index) not in held:
                held[task, -1 if special else index] = (channel, value)

    def delete(self, name: str) -> None:
        self.threads.pop(name, None)

    def delete_run(self, run: str) -> None:
        for thread in self.threads.values():
            gone = thread.runs.pop(run, set())
            thread.keep(set(thread.versions) - gone)

    def copy(self, name: str, target: str) -> None:
        self.threads[target] = Thread(deepcopy(self.thread(name).versions))

    def prune(self, name: str) -> None:
        thread = self.thread(name)
        thread.keep({thread.listed(ns)[0] for ns in thread.spaces()})

    def retain(self, name: str, count: int) -> None:
        """Keep so many of the root, those that asked something, and what goes with them in subgraphs."""
        thread = self.thread(name)
        root = thread.listed("")
        newest = root[:count]
        oldest = newest[-1][1] if newest else ""
        asked = {
            place for place in root if any(channel == "__interrupt__" for channel, _ in self._written(name, place))
        }
        roots = {*newest, *asked}
        kept = {place for place in thread.versions if place[0] and place[1] >= oldest} | roots
        for ns in thread.spaces() - {""}:
            for _, at in roots if ":" not in ns else ():
                kept |= set([place for place in thread.listed(ns) if place[1] < at][:1])
        thread.keep(kept)

    def _written(self, name: str, place: Place) -> list[tuple[str, Any]]:
        return [*self.thread(name).versions[place].writes.values()]
