"""Versions are removed in many short steps; whatever happens between two of them, nothing is lost and nothing left."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest

from tests.contract.checkpoint_makers import checkpoint, config, id_of, ids, put, state
from twintrack.core.errors import Conflict
from twintrack.core.redis_client import RedisSource
from twintrack.memory import checkpoint_removal as removal
from twintrack.memory.checkpoint_removal import prune
from twintrack.memory.checkpoint_rows import member
from twintrack.memory.checkpoint_storage import CheckpointStorage
from twintrack.memory.checkpoints import VersionedRedisSaver
from twintrack.memory.rollback import Rollback, roll_back

Happens = Callable[["Talk"], Awaitable[Any]]
MANY = 12


class Steps(CheckpointStorage):
    """Lets something happen before each command."""

    def __init__(self, source: RedisSource, happens: Callable[[int], Awaitable[Any]]) -> None:
        super().__init__(source.client)
        self.happens, self.taken = happens, 0

    async def run_whole(self, *words: Any, **named: Any) -> Any:
        await self._before()
        return await super().run_whole(*words, **named)

    async def put(self, *words: Any, **options: Any) -> None:
        await self._before()
        await super().put(*words, **options)

    async def command(self, *words: Any, **options: Any) -> Any:
        await self._before()
        return await super().command(*words, **options)

    async def _before(self) -> None:
        self.taken += 1
        await self.happens(self.taken)


class Talk:
    """A thread of many versions of one list, of which the beginning falls out, and what each should hold."""

    def __init__(self, source: RedisSource) -> None:
        self.source, self.saver = source, VersionedRedisSaver(source=source)
        self.said: list[str] = []
        self.held: dict[str, Any] = {}
        self.stored: list[Any] = []
        self.spared = set[str]()

    @classmethod
    async def begun(cls, source: RedisSource) -> "Talk":
        await source.client().flushall()
        talk = cls(source)
        for _ in range(MANY):
            await talk.goes_on()
        return talk

    async def goes_on(self, *said: str) -> None:
        self.said = [*said] or [*self.said[-5:], f"{len(self.held)} ".ljust(400, "x")]
        values = {"said": self.said, "count": len(self.held)}
        where = await put(self.saver, "t", values, parent=self.stored[-1] if self.stored else None, run_id="r")
        self.stored.append(where)
        self.held[id_of(where)] = values

    async def says_again_what_it_said_before(self) -> None:
        await self.goes_on(*self.held[id_of(self.stored[5])]["said"])

    async def goes_back(self) -> None:
        old = id_of(self.stored[1])
        with suppress(Conflict):  # the version has gone
            new = await roll_back(self.saver.storage, self.saver.serde, Rollback("t", old, "why", "ada"))
            self.held[new] = self.held[old]

    async def gets_a_name(self) -> None:
        if await state(self.saver, self.stored[2]):
            await self.saver.storage.name("t", "good", member("", id_of(self.stored[2])))
            self.spared.add(id_of(self.stored[2]))

    async def asks(self) -> None:
        if await state(self.saver, self.stored[3]):
            await self.saver.aput_writes(self.stored[3], [("__interrupt__", "sure?")], "task")
            self.spared.add(id_of(self.stored[3]))

    async def is_copied(self) -> None:
        await self.saver.acopy_thread("t", "copy")
        for id_ in await ids(self.saver, config("copy")):
            assert await state(self.saver, config("copy", "", id_)) == self.held[id_]
        assert b"removing" not in await self.saver.storage.info("copy")

    async def check(self, keep: int) -> None:
        """Check that what should be there is there, whole, and that nothing else is stored."""
        left = await ids(self.saver, config("t"))
        assert {*sorted(self.held)[-keep:], *self.spared} <= {*left}
        for id_ in left:
            assert await state(self.saver, config("t", "", id_)) == self.held[id_]
        client: Any = self.source.client()
        rows = await self.saver.storage.rows("t", [member("", id_) for id_ in left])
        needed = {name for row in rows if row for name in row.names}
        assert {*await client.hkeys("twintrack:checkpoint:{t}:blobs")} == needed
        for id_ in left:
            await put(self.saver, "same", self.held[id_])
        items = [{*await client.hkeys(f"twintrack:checkpoint:{{{thread}}}:items")} for thread in ("t", "same")]
        assert items[0] == items[1]
        assert b"removing" not in await self.saver.storage.info("t")


HAPPENS = [
    Talk.goes_on,
    Talk.says_again_what_it_said_before,
    Talk.goes_back,
    Talk.gets_a_name,
    Talk.asks,
    Talk.is_copied,
]


@pytest.fixture(autouse=True)
def short_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removal, "PAGE", 4)


@pytest.mark.parametrize("happens", HAPPENS, ids=lambda happens: happens.__name__)
async def test_whatever_happens_between_two_steps_nothing_is_lost_and_nothing_is_left(
    source: RedisSource, happens: Happens
) -> None:
    at, taken = 0, 1
    while at < taken:
        talk, at = await Talk.begun(source), at + 1

        async def once(step: int, talk: Talk = talk, at: int = at) -> None:
            if step == at:
                await happens(talk)

        steps = Steps(source, once)
        await prune(steps, "t", 2)
        taken = steps.taken
        await talk.check(2)
    assert taken > 20


async def test_a_removal_that_broke_off_leaves_every_version_whole_and_the_next_one_clears_up(
    source: RedisSource,
) -> None:
    async def breaks(step: int) -> None:
        if step == at:
            raise ConnectionError

    at, taken = 0, 1
    while at < taken:
        talk, at = await Talk.begun(source), at + 1
        steps = Steps(source, breaks)
        with suppress(ConnectionError):
            await prune(steps, "t", 2)
        taken = steps.taken if steps.taken < at else at + 1
        for id_ in await ids(talk.saver, config("t")):
            assert await state(talk.saver, config("t", "", id_)) == talk.held[id_]
        await prune(talk.saver.storage, "t", 2)
        await talk.check(2)
    assert at > 20


async def test_a_removal_goes_on_while_very_much_is_put(source: RedisSource) -> None:
    talk = await Talk.begun(source)
    saver = talk.saver

    async def floods(step: int) -> None:
        if step in (12, 30):
            puts = [saver.prepare(config("t"), checkpoint({}), {"source": "loop", "step": 1}, {}) for _ in range(300)]
            await saver.storage.put("t", puts)

    await prune(Steps(source, floods), "t", 2)
    kept = id_of(talk.stored[-1])
    left = await ids(saver, config("t"))
    assert kept not in left
    assert len(left) <= 2 + 300
    await prune(saver.storage, "t", 1)
    assert await source.client().hkeys("twintrack:checkpoint:{t}:items") == []


async def test_a_thread_that_is_deleted_meanwhile_stays_deleted(source: RedisSource) -> None:
    at, taken = 0, 1
    while at < taken:
        talk, at = await Talk.begun(source), at + 1

        async def deletes(step: int, talk: Talk = talk, at: int = at) -> None:
            if step == at:
                await talk.saver.adelete_thread("t")

        steps = Steps(source, deletes)
        await prune(steps, "t", 2)
        taken = steps.taken
        assert [key async for key in source.client().scan_iter()] == [] or at > taken


async def test_going_back_to_a_version_that_is_removed_meanwhile_is_refused_or_whole(source: RedisSource) -> None:
    refused = 0
    for at in range(1, 4):  # going back takes three steps
        talk = await Talk.begun(source)
        old = id_of(talk.stored[5])

        async def removes(step: int, talk: Talk = talk, at: int = at) -> None:
            if step == at:
                await prune(talk.saver.storage, "t", 2)

        steps = Steps(source, removes)
        try:
            new = await roll_back(steps, talk.saver.serde, Rollback("t", old, "why", "ada"))
            talk.held[new] = talk.held[old]
        except Conflict:
            refused += 1
        assert steps.taken <= 3
        for id_ in await ids(talk.saver, config("t")):
            assert await state(talk.saver, config("t", "", id_)) == talk.held[id_]
    assert refused


async def test_two_removals_at_once_end_where_one_would(source: RedisSource) -> None:
    at, taken = 0, 1
    while at < taken:
        talk, at = await Talk.begun(source), at + 1

        async def another(step: int, talk: Talk = talk, at: int = at) -> None:
            if step == at:
                await prune(talk.saver.storage, "t", 2)

        steps = Steps(source, another)
        await prune(steps, "t", 2)
        taken = steps.taken
        assert await ids(talk.saver, config("t")) == [id_of(where) for where in talk.stored[:-3:-1]]
        await talk.check(2)


async def test_no_step_of_a_removal_does_more_when_the_thread_is_long(
    source: RedisSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(removal, "PAGE", 20)

    async def most(versions: int) -> int:
        await source.client().flushall()
        talk, counts = Talk(source), [0]
        saver = talk.saver
        puts = []
        for n in range(versions):
            new = checkpoint({"n": n}, version=str(n))
            puts.append(saver.prepare(config("t"), new, {"source": "loop", "step": 1}, {"n": str(n)}))
        await saver.storage.put("t", puts)

        async def counting(_: int) -> None:
            counts.append(await _calls(source))

        await prune(Steps(source, counting), "t", versions // 2)
        counts.append(await _calls(source))
        return max(after - before for before, after in pairwise(counts[1:]))

    assert await most(1000) <= await most(100) + 5


async def _calls(source: RedisSource) -> int:
    stats: Any = await source.client().info("commandstats")
    return sum(each["calls"] for name, each in stats.items() if name not in ("cmdstat_info", "cmdstat_client"))
