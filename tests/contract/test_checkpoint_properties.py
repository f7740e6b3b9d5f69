"""Any sequence of operations, by two processes in turn, leaves what a saver of plain dictionaries holds."""

import asyncio
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from tests.contract.checkpoint_makers import checkpoint, config
from tests.contract.checkpoint_model import Kept, Model, Place
from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import RedisSettings
from twintrack.memory.checkpoints import VersionedRedisSaver

THREADS = st.sampled_from(["t", "T", "t{1}", "用户"])
SPACES = st.sampled_from(["", "", "child", "child:1"])
RUNS = st.sampled_from(["r1", "r2", "r3"])
SAVERS = st.integers(0, 1)
PICK = st.integers(0, 1_000_000)
EDITS = st.lists(
    st.tuples(st.sampled_from(["append", "insert", "cut", "replace", "drop", "same"]), PICK, st.integers(0, 150)),
    min_size=1,
    max_size=3,
)
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]
WRITES = st.lists(st.tuples(st.sampled_from(["messages", "__interrupt__"]), PICK), min_size=1, max_size=3)


def _texts(start: int, count: int) -> list[str]:
    """Return texts of differing length; the same number is the same text."""
    return [f"{n} ".ljust(20 + n * 37 % 400, "语" if n % 3 else "x") for n in range(start, start + count)]


def _edited(messages: list[str] | None, edit: tuple[str, int, int]) -> list[str] | None:
    kind, pick, count = edit
    held = messages or []
    at = pick % (len(held) + 1)
    match kind:
        case "append":
            return [*held, *_texts(pick % 5000, count)]
        case "insert":
            return [*held[:at], *_texts(pick % 5000, count), *held[at:]]
        case "cut":
            return held[:at] if count % 2 else held[at:]
        case "replace":
            return [*held[:at], *_texts(pick % 5000, 1), *held[at + 1 :]]
        case "drop":
            return None
    return messages


class Savers(RuleBasedStateMachine):
    url: ClassVar[str]
    key: ClassVar[bytes | None]

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.source = RedisSource(RedisSettings.model_validate({"url": self.url}))
        self.savers = [VersionedRedisSaver(source=self.source, encryption_key=self.key) for _ in range(2)]
        self.model, self.count, self.longest = Model(), 0, 0
        self.runner.run(self._empty())

    async def _empty(self) -> None:
        await self.source.client().flushall()

    def teardown(self) -> None:
        try:
            for name in list(self.model.threads):
                self.compare(name, None)
        finally:
            self.runner.run(self.source.aclose())
            self.runner.close()

    @rule(who=SAVERS, name=THREADS, ns=SPACES, run=RUNS, parent=PICK, edits=EDITS)
    def put(self, who: int, name: str, ns: str, run: str, parent: int, edits: Any) -> None:
        self.count += 1
        older = self.model.thread(name).listed(ns)
        # Mostly from the newest, as runs do; sometimes from further back, as forks do.
        before = older[parent % len(older) if parent % 4 == 0 else 0] if older else None
        values = dict(self.model.thread(name).versions[before].values) if before else {}
        messages = values.pop("messages", None)
        for edit in edits:
            messages = _edited(messages, edit)
        values |= {"count": self.count} | ({} if messages is None else {"messages": messages})
        place = (ns, f"1f000000-0000-6000-8000-{self.count:012d}")
        metadata = {"source": "loop", "step": self.count % 3, "run_id": run}
        self.model.put(name, place, Kept(values, metadata, before[1] if before else ""), run)
        new = checkpoint(values, version=str(self.count), id_=place[1])
        changed = {"count": str(self.count), "messages": str(self.count)}
        new["channel_versions"] = dict(changed)
        where = config(name, ns, before[1] if before else "")
        self.runner.run(self.savers[who].aput(where, new, metadata, changed))  # type: ignore[arg-type] # a run id too

    @precondition(lambda self: self.model.threads)
    @rule(who=SAVERS, name=THREADS, pick=PICK, task=st.sampled_from(["a", "b"]), writes=WRITES)
    def write(self, who: int, name: str, pick: int, task: str, writes: Any) -> None:
        if place := self._any_place(name, pick):
            self.model.write(name, place, task, writes)
            self.runner.run(self.savers[who].aput_writes(config(name, *place), writes, task))

    @rule(who=SAVERS, name=THREADS, other=THREADS)
    def copy(self, who: int, name: str, other: str) -> None:
        if self.model.thread(name).versions and not self.model.thread(other).versions and name != other:
            self.model.copy(name, other)
            self.runner.run(self.savers[who].acopy_thread(name, other))

    @rule(who=SAVERS, name=THREADS)
    def prune(self, who: int, name: str) -> None:
        self.model.prune(name)
        self.runner.run(self.savers[who].aprune([name]))

    @rule(who=SAVERS, name=THREADS, count=st.integers(1, 4))
    def retain(self, who: int, name: str, count: int) -> None:
        self.model.retain(name, count)
        self.runner.run(self.savers[who].aprune([name], keep_last=count))

    @rule(who=SAVERS, name=THREADS)
    def delete(self, who: int, name: str) -> None:
        self.model.delete(name)
        self.runner.run(self.savers[who].adelete_thread(name))

    @rule(who=SAVERS, run=RUNS)
    def delete_run(self, who: int, run: str) -> None:
        self.model.delete_run(run)
        self.runner.run(self.savers[who].adelete_for_runs([run]))

    @rule(who=SAVERS, name=THREADS, pick=PICK)
    def read(self, who: int, name: str, pick: int) -> None:
        if place := self._any_place(name, pick):
            found = self.runner.run(self.savers[who].aget_tuple(config(name, *place)))
            self.same(name, place, found)

    @rule(
        name=THREADS,
        ns=st.none() | SPACES,
        pick=st.none() | PICK,
        step=st.none() | st.integers(0, 2),
        limit=st.none() | st.integers(0, 3),
    )
    def compare(
        self, name: str, ns: str | None, pick: int | None = None, step: int | None = None, limit: int | None = None
    ) -> None:
        thread = self.model.thread(name)
        before = None if pick is None else f"1f000000-0000-6000-8000-{pick % (self.count + 1):012d}"
        wanted = [
            place
            for place in thread.listed(ns)
            if (before is None or place[1] < before)
            and (step is None or thread.versions[place].metadata["step"] == step)
        ][:limit]
        found = self.runner.run(self._listed(name, ns, before, step, limit))
        assert [self._place(each) for each in found] == wanted
        for place, each in zip(wanted, found, strict=True):
            self.same(name, place, each)

    async def _listed(self, name: str, ns: str | None, before: str | None, step: int | None, limit: int | None) -> Any:
        where: Any = {"configurable": {"thread_id": name} | ({} if ns is None else {"checkpoint_ns": ns})}
        options: Any = {"limit": limit, "filter": None if step is None else {"step": step}}
        options["before"] = config(name, "", before) if before else None
        return [found async for found in self.savers[0].alist(where, **options)]

    def _any_place(self, name: str, pick: int) -> Place | None:
        places = self.model.thread(name).listed(None)
        return places[pick % len(places)] if places else None

    def _place(self, found: Any) -> Place:
        where = found.config["configurable"]
        return where["checkpoint_ns"], where["checkpoint_id"]

    def same(self, name: str, place: Place, found: Any) -> None:
        kept = self.model.thread(name).versions[place]
        assert found.checkpoint["channel_values"] == kept.values
        assert {label: found.metadata[label] for label in kept.metadata} == kept.metadata
        assert (found.parent_config or {}).get("configurable", {}).get("checkpoint_id", "") == kept.parent
        written = [(task, *kept.writes[task, index]) for task, index in sorted(kept.writes)]
        assert found.pending_writes == written

    @invariant()
    def a_deleted_thread_leaves_no_key(self) -> None:
        if not any(thread.versions for thread in self.model.threads.values()):
            assert self.runner.run(self._keys()) == []

    async def _keys(self) -> list[bytes]:
        return [key async for key in self.source.client().scan_iter()]


@pytest.mark.parametrize("key", [None, b"0123456789abcdef"], ids=["plain", "encrypted"])
def test_any_sequence_of_operations_gives_what_the_model_gives(redis_url: str, key: bytes | None) -> None:
    machine = type("Machine", (Savers,), {"url": redis_url, "key": key})
    budget = settings(max_examples=25, stateful_step_count=30, deadline=None, suppress_health_check=SLOW)
    run_state_machine_as_test(machine, settings=budget)
