"""Any sequence of operations, by two processes in turn, leaves what a saver of plain dictionaries holds."""

import asyncio
from dataclasses import replace
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from langgraph.checkpoint.base.id import uuid6

from tests.contract.checkpoint_makers import checkpoint, config
from tests.contract.checkpoint_model import COUNTERS, Kept, Model, Place
from tests.examples import examples
from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import RedisSettings
from twintrack.memory.checkpoint_rows import member
from twintrack.memory.checkpoint_rows import place as place_of
from twintrack.memory.checkpoints import VersionedRedisSaver
from twintrack.memory.rollback import Rollback, roll_back

THREADS = st.sampled_from(["t", "t", "t", "T", "t{1}", "用户"])
SPACES = st.sampled_from(["", "", "child", "child:1"])
RUNS = st.sampled_from(["r1", "r2", "r3"])
SAVERS = st.integers(0, 1)
PICK = st.integers(0, 1_000_000)
EDITS = st.lists(
    st.tuples(st.sampled_from(["append", "insert", "cut", "replace", "drop", "same"]), PICK, st.integers(0, 150)),
    min_size=1,
    max_size=3,
)
PUTS = st.tuples(PICK, EDITS, st.booleans())
"""How far back the version before is, what happens to the list, and whether the rebuilt channel is stored."""
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]
WRITES = st.lists(st.tuples(st.sampled_from(["messages", "log", "log", "__interrupt__"]), PICK), min_size=1, max_size=3)


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

    @initialize(turns=st.lists(st.tuples(SAVERS, SPACES, RUNS, PUTS), min_size=3, max_size=12))
    def begin(self, turns: Any) -> None:
        for who, ns, run, put in turns:
            self._put(who, "t", ns, run, *put)

    @rule(who=SAVERS, name=THREADS, ns=SPACES, run=RUNS, puts=st.lists(PUTS, min_size=1, max_size=4))
    def put(self, who: int, name: str, ns: str, run: str, puts: Any) -> None:
        for parent, edits, snapshot in puts:
            self._put(who, name, ns, run, parent, edits, snapshot)

    def _put(self, who: int, name: str, ns: str, run: str, parent: int, edits: Any, snapshot: bool) -> None:
        self.count += 1
        older = self.model.thread(name).listed(ns)
        # Mostly from the newest, as runs do; sometimes from further back, as forks do.
        before = older[parent % len(older) if parent % 4 == 0 else 0] if older else None
        kept = self._next(self.model.thread(name).versions[before] if before else None, edits, snapshot)
        kept = replace(kept, metadata=kept.metadata | {"run_id": run}, parent=before[1] if before else "")
        at = (ns, str(uuid6()))
        self.model.put(name, at, kept, run)
        new = checkpoint(dict(kept.values), id_=at[1])
        new["channel_versions"] = dict(kept.versions)
        changed = {channel: at for channel, at in kept.versions.items() if at == str(self.count)}
        where = config(name, ns, kept.parent)
        self.runner.run(self.savers[who].aput(where, new, kept.metadata, changed))  # type: ignore[arg-type] # a run id too

    def _next(self, before: Kept | None, edits: Any, snapshot: bool) -> Kept:
        """Return what follows: a counter, a list that may be the same as before, and a channel rebuilt from writes."""
        values, versions = (dict(before.values), dict(before.versions)) if before else ({}, {})
        held = messages = values.pop("messages", None)
        for edit in edits:
            messages = _edited(messages, edit)
        changed = ["count", "log", *(["messages"] if messages != held or "messages" not in versions else [])]
        values |= {"count": self.count} | ({} if messages is None else {"messages": messages})
        values |= {"log": ["snapshot", self.count]}
        if not snapshot:
            del values["log"]
        metadata = {"source": "loop", "step": self.count % 3, COUNTERS: {"log": self.count}}
        return Kept(values, metadata, "", versions | dict.fromkeys(changed, str(self.count)))

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

    @rule(who=SAVERS, name=THREADS, count=st.none() | st.integers(1, 4))
    def prune(self, who: int, name: str, count: int | None) -> None:
        self.model.prune(name, count)
        self.runner.run(self.savers[who].aprune([name], keep_last=count))

    @rule(who=SAVERS, name=THREADS, label=st.sampled_from(["good", "better"]), pick=PICK)
    def save(self, who: int, name: str, label: str, pick: int) -> None:
        if root := self.model.thread(name).listed(""):
            place = root[pick % len(root)]
            saved = self.runner.run(self.savers[who].storage.name(name, label, member(*place)))
            assert saved == self.model.save(name, label, place)

    @rule(who=SAVERS, name=THREADS, pick=PICK)
    def rollback(self, who: int, name: str, pick: int) -> None:
        if not (root := self.model.thread(name).listed("")):
            return
        to, saver, before = root[pick % len(root)], self.savers[who], set(self.model.thread(name).versions)
        self.runner.run(roll_back(saver.storage, saver.serde, Rollback(name, to[1], "why", "ada")))
        places = [place_of(each) for each in self.runner.run(saver.storage.members(name, None, None))]
        new = {at[0]: at for at in places if at not in before}
        again = self.model.rollback(name, to)
        assert new.keys() == again.keys()
        for ns, kept in again.items():
            self.model.thread(name).put(new[ns], kept)

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

    @rule(name=THREADS, pick=PICK)
    def rebuild(self, name: str, pick: int) -> None:
        at = self._any_place(name, pick)
        if at and self.model.thread(name).versions[at].rebuilt:
            where = config(name, *at)
            found = self.runner.run(self.savers[0].aget_delta_channel_history(config=where, channels=["log"]))["log"]
            written, seed = self.model.thread(name).history(at, "log")
            assert [value for _, _, value in found["writes"]] == written
            assert found.get("seed") == seed

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
        ids = [id_ for _, id_ in thread.listed(None)]
        before = ids[pick % len(ids)] if pick is not None and ids else None
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

    @rule(name=THREADS)
    def names(self, name: str) -> None:
        info = self.runner.run(self.savers[0].storage.info(name))
        named = {label[5:].decode(): place_of(at) for label, at in info.items() if label.startswith(b"name:")}
        assert named == self.model.thread(name).names

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


@pytest.mark.timeout(900)  # the thorough profile tries ten times as much
@pytest.mark.parametrize("key", [None, b"0123456789abcdef"], ids=["plain", "encrypted"])
def test_any_sequence_of_operations_gives_what_the_model_gives(redis_url: str, key: bytes | None) -> None:
    machine = type("Machine", (Savers,), {"url": redis_url, "key": key})
    budget = examples(25, stateful_step_count=30, suppress_health_check=SLOW)
    run_state_machine_as_test(machine, settings=budget)
