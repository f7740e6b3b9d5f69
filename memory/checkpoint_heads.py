"""Knows the newest version of the threads a process works on, so that a run need not ask for what it wrote itself."""

from typing import Any

from twintrack.core.context import Identity

REMEMBERED = 10_000
"""Threads that one process remembers."""


class Heads:
    """The newest version of each thread, as last read or written here; whoever holds the thread's lease may trust it."""

    def __init__(self) -> None:
        self._newest: dict[str, str] = {}
        self._foreseen: dict[str, tuple[Identity | None, Any]] = {}

    def of(self, thread_id: str) -> str:
        """Return the newest version's id; empty where nothing is known."""
        return self._newest.get(thread_id, "")

    def learn(self, thread_id: str, checkpoint_id: str) -> None:
        """Take note of what is the newest now; an empty id means that there is none."""
        self._newest.pop(thread_id, None)
        if checkpoint_id:
            self._newest[thread_id] = checkpoint_id
        if len(self._newest) > REMEMBERED:
            del self._newest[next(iter(self._newest))]

    def foresee(self, thread_id: str, owner: Identity | None, found: Any) -> None:
        """Keep what the newest version was when the thread's lease was taken, None for none, for the first to ask."""
        self._foreseen[thread_id] = owner, found

    def foreseen(self, thread_id: str, owner: Identity | None) -> tuple[Any] | None:
        """Return that, once, to whom the lease was given; None where it has to be asked for."""
        known = self._foreseen.pop(thread_id, None)
        return (known[1],) if known and known[0] == owner else None

    def unforesee(self, thread_id: str) -> None:
        """Trust it no more: the thread was written to, or the lease is given up."""
        self._foreseen.pop(thread_id, None)
