"""Removes versions of a thread in many short steps, so that none of them holds the server up.

A note in the thread says that a removal is under way, and every put adds itself to it. Each step names the note it
knows; where something was put in the meantime the step does nothing, and what is new is looked at first. A removal
that did not come to its end leaves its note behind: the next one then looks through everything that is stored.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence, Set
from itertools import islice
from typing import Any
from uuid import uuid4

from twintrack.memory.checkpoint_lists import cut, top_of
from twintrack.memory.checkpoint_retention import Head, Retention, needed
from twintrack.memory.checkpoint_rows import NAME_BYTES, TAG_BYTES, tag
from twintrack.memory.checkpoint_scripts import Script
from twintrack.memory.checkpoint_storage import PARTS, CheckpointStorage, pages, thread_key

PAGE = 200
"""Versions, nodes or names that one step is about."""
IDS_PAGE = 5000
OVERFULL = b"-"
"""The note where more was put than it can tell."""
Choice = Callable[[Mapping[bytes, Head], Set[bytes]], set[bytes]]
"""Returns the versions that stay, given all of them and which are named."""
_BEGIN, _HEADS, _REMOVE = Script("prelude", "begin_removal"), Script("prelude", "heads"), Script("prelude", "remove")
_VALUES, _NAMES, _SWEEP = Script("prelude", "values"), Script("prelude", "names"), Script("prelude", "sweep")
_INTERRUPT = tag("__interrupt__")


async def prune(storage: CheckpointStorage, thread_id: str, keep_last: int, *, of_each: bool = False) -> int:
    """Remove old versions, of the root or of each namespace, and return how many went.

    Those that are named, that asked a person something, or that others are rebuilt from stay.
    """
    return await _remove(storage, thread_id, Retention(keep_last, of_each).kept, sparing=True)


async def drop_run(storage: CheckpointStorage, run_id: str) -> None:
    """Remove the versions one run made, in every thread, but for those that later ones are rebuilt from."""
    run = run_id.encode()
    for thread_id in await storage.runs.threads(run_id):
        made = await storage.command("HGET", thread_key(thread_id, "runs"), run)
        gone = set((made or b"").split(b"\n"))
        await _remove(storage, thread_id, lambda heads, _, gone=gone: heads.keys() - gone, sparing=False)  # type: ignore[misc] # one lambda per thread
        await storage.runs.forget(thread_id, [run_id])


async def _remove(storage: CheckpointStorage, thread_id: str, choose: Choice, *, sparing: bool) -> int:
    removed, again, thorough = 0, True, False
    while again:
        removal = _Removal(storage, thread_id, choose, sparing=sparing)
        try:
            await removal.run(thorough=thorough)
            again = False
        except _Stopped as stopped:
            again = thorough = stopped.again
        removed += removal.removed
    return removed


class _Stopped(Exception):
    """The note is no longer this removal's; `again` where so much was put that it did not tell it all."""

    def __init__(self, *, again: bool) -> None:
        self.again = again


class _Removal:
    def __init__(self, storage: CheckpointStorage, thread_id: str, choose: Choice, *, sparing: bool) -> None:
        self._storage, self._thread_id, self._choose, self._sparing = storage, thread_id, choose, sparing
        self._token = self._note = uuid4().hex.encode()
        self._heads: dict[bytes, Head] = {}
        self._made_by: dict[bytes, bytes] = {}
        self._values: set[bytes] = set()
        """Names of the values that removed versions had."""
        self.removed = 0

    async def run(self, *, thorough: bool) -> None:
        if not (begun := await self._ask(_BEGIN, self._token)):
            return
        await self._learn(await self._members())
        runs = self._storage.pages_of(thread_key(self._thread_id, "runs"))
        self._made_by = {member: run async for page in runs for run, made in page for member in made.split(b"\n")}
        dead = await self._dead()
        while dead:
            dead = dead[PAGE:] if await self._take(dead[:PAGE]) else await self._dead()
        if self._heads:
            await self._sweep(thorough=thorough or begun > 1)

    async def _ask(self, script: Script, *arguments: bytes) -> Any:
        return await self._storage.run_whole(script, self._thread_id, [*arguments])

    async def _step(self, script: Script, *arguments: bytes) -> Any:
        """Take a step; return None where something was put in the meantime, and is known now."""
        answer = await self._ask(script, self._note, *arguments)
        if not isinstance(answer, bytes):
            return answer
        if not answer.startswith(self._token):
            raise _Stopped(again=answer.startswith(OVERFULL))
        new, self._note = answer[len(self._note) + 1 :].split(b"\n"), answer
        await self._learn(new)
        return None

    async def _members(self) -> list[bytes]:
        names, since = list[bytes](), b"-"
        ids = thread_key(self._thread_id, "ids")
        while page := await self._storage.command("ZRANGEBYLEX", ids, since, b"+", "LIMIT", 0, IDS_PAGE):
            names += page
            since = b"(" + page[-1]
        return names

    async def _learn(self, names: Sequence[bytes]) -> None:
        for page in pages(names, PAGE):
            for name, found in zip(page, await self._ask(_HEADS, _INTERRUPT, *page), strict=True):
                self._heads.pop(name, None)
                if found:
                    parent, tags, values, asked = found
                    ns = name[: name.index(b"\0") + 1]
                    self._heads[name] = Head(ns + parent, cut(tags, TAG_BYTES), cut(values, NAME_BYTES), bool(asked))

    async def _dead(self) -> list[bytes]:
        """Return what goes, the newest first: what is left if this breaks off has all that it is rebuilt from."""
        info = await self._storage.info(self._thread_id)
        keep = self._choose(self._heads, {name for label, name in info.items() if label.startswith(b"name:")})
        keep |= needed(keep, self._heads, await self._stored())
        return sorted(self._heads.keys() - keep, key=lambda name: name.split(b"\0", 1)[1], reverse=True)

    async def _stored(self) -> set[bytes]:
        """Return which values of delta channels are stored."""
        tags = {tag for head in self._heads.values() for tag in head.tags}
        names = {name for head in self._heads.values() if tags for name in head.names if name[:TAG_BYTES] in tags}
        return {name async for name, value in self._told(names) if value is not None}

    async def _told(self, names: Iterable[bytes]) -> AsyncIterator[tuple[bytes, bytes | None]]:
        for page in pages([*names], PAGE):
            for name, value in zip(page, await self._ask(_VALUES, *page), strict=True):
                yield name, value

    async def _take(self, names: Sequence[bytes]) -> bool:
        """Remove versions; False where there is something new to think of."""
        runs = {self._made_by[name] for name in names if name in self._made_by}
        words = (b"1" if self._sparing else b"0", _INTERRUPT, b"%d" % len(runs), *runs, *names)
        answer = await self._step(_REMOVE, *words)
        if isinstance(answer, list):
            await self._learn(answer)
        if not isinstance(answer, int):
            return False
        self.removed += len(names)
        self._values.update(value for name in names for value in self._heads.pop(name).names)
        await self._storage.runs.forget(self._thread_id, [run.decode() for run in runs])
        return True

    async def _sweep(self, *, thorough: bool) -> None:
        values = {name async for name in self._names("blobs")} if thorough else self._values
        values -= (live := {value for head in self._heads.values() for value in head.names})
        items = {name async for name in self._names("items")} if thorough else await self._items(values)
        items -= await self._items(live) if items else set()
        while True:
            known = {*self._heads}
            page = [*islice(values, PAGE)]
            more = [*islice(items, PAGE - len(page))]
            last = len(values) + len(items) <= PAGE
            if await self._step(_SWEEP, b"1" if last else b"0", b"%d" % len(page), *page, *more) is None:
                live = {value for name in self._heads.keys() - known for value in self._heads[name].names}
                values -= live
                items -= await self._items(live)
                continue
            if last:
                return
            values -= {*page}
            items -= {*more}

    async def _names(self, part: str) -> AsyncIterator[bytes]:
        """Yield the names in one of the thread's hashes."""
        cursor = b"0"
        while True:
            cursor, names = await self._ask(_NAMES, b"%d" % (PARTS.index(part) + 1), cursor)
            for name in names:
                yield name
            if cursor == b"0":
                return

    async def _items(self, values: Iterable[bytes]) -> set[bytes]:
        """Return the names of everything that these values are stored in, if they are long lists."""
        levels = defaultdict[int, set[bytes]](set)
        async for _, manifest in self._told(values):
            if manifest:
                level, names = top_of(manifest)
                levels[level].update(names)
        items = thread_key(self._thread_id, "items")
        for level in range(max(levels, default=0), 0, -1):
            for page in pages([*levels[level]], PAGE):
                for node in await self._storage.command("HMGET", items, *page):
                    levels[level - 1].update(cut(node or b""))
        return set().union(*levels.values())
