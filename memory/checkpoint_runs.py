"""Which threads each run wrote to: a set per run, apart from the threads, because a cluster has no script for both."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from twintrack.core.keys import key

REMEMBERED = 10_000
"""Threads that one process remembers."""
FOREVER = b"-1"

Command = Callable[..., Awaitable[Any]]


class RunIndex:
    """Finds the threads of a run without walking the key space; lives longer than any thread it names."""

    def __init__(self, command: Command, runs_of: Callable[[str], bytes], ttl: bytes) -> None:
        self._command, self._runs_of, self._ttl = command, runs_of, ttl
        self._life = b"%d" % (2 * int(ttl)) if ttl not in (b"", FOREVER) else ttl
        self._latest: dict[str, set[str]] = {}
        self._refreshed: dict[str, float] = {}

    def unknown(self, thread_id: str, runs: set[str]) -> set[str]:
        """Return those of the runs that this process has not just indexed."""
        return runs - self._latest.get(thread_id, set())

    def lost(self, thread_id: str, new: Iterable[bytes]) -> set[str]:
        """Return those of the runs new to the thread that this process took for indexed: it was deleted elsewhere."""
        return {run.decode() for run in new} & self._latest.get(thread_id, set())

    async def add(self, thread_id: str, runs: Iterable[str]) -> None:
        """Say that the runs write to the thread."""
        for run in runs:
            await self._command("SADD", key("run", run), thread_id, beside=thread_id)
            await self._let_live(run)

    def learn(self, thread_id: str, runs: set[str]) -> None:
        """Remember what was indexed."""
        if runs:
            _remember(self._latest, thread_id, runs)

    async def threads(self, run: str) -> list[str]:
        """Return the threads that the run may have written to."""
        return [raw.decode() for raw in await self._command("SMEMBERS", key("run", run))]

    async def forget(self, thread_id: str, runs: Iterable[str]) -> None:
        """Take the thread from the runs that left nothing in it."""
        gone = await self._in_thread(thread_id, runs, there=False)
        words = (("SREM", key("run", run), thread_id) for run in gone)
        await asyncio.gather(*(self._command(*each, beside=thread_id) for each in words))
        # One of them may have written in the meantime.
        await self.add(thread_id, await self._in_thread(thread_id, gone, there=True))

    async def let_live(self, thread_id: str) -> None:
        """Let the index of a thread's runs outlive the thread; asks for them twice in the life of a thread."""
        now, life = time.monotonic(), int(self._ttl or b"0") / 1000
        since = self._refreshed.get(thread_id)
        if not self._ttl or (since is not None and (life < 0 or now - since < life / 2)):
            return
        _remember(self._refreshed, thread_id, now)
        names = await self._command("HKEYS", self._runs_of(thread_id))
        await asyncio.gather(*(self._let_live(name.decode()) for name in names))

    async def _let_live(self, run: str) -> None:
        if self._ttl == FOREVER:
            await self._command("PERSIST", key("run", run))
        elif self._ttl:
            await self._command("PEXPIRE", key("run", run), self._life)

    async def _in_thread(self, thread_id: str, runs: Iterable[str], *, there: bool) -> list[str]:
        asked = [*runs]
        if not asked:
            return []
        held = await self._command("HMGET", self._runs_of(thread_id), *asked)
        return [run for run, members in zip(asked, held, strict=True) if (members is not None) == there]


def _remember(notes: dict[str, Any], thread_id: str, note: Any) -> None:
    notes[thread_id] = note
    if len(notes) > REMEMBERED:
        notes.pop(next(iter(notes)))
