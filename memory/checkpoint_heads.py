"""Knows the newest version of the threads a process works on, so that a run need not ask for what it wrote itself."""

REMEMBERED = 10_000
"""Threads that one process remembers."""


class Heads:
    """The newest version of each thread, as last read or written here; whoever holds the thread's lease may trust it."""

    def __init__(self) -> None:
        self._newest: dict[str, str] = {}

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
