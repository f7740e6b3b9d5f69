"""Measures what keeping versions costs, beside LangGraph's other savers in one process, runs interleaved."""

import asyncio
import random
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from twintrack.app.progress import Report
from twintrack.bench.checkpoint_savers import NONE, OURS, STOCK, Side, opened_sides
from twintrack.bench.checkpoint_workload import MODES, conversation, graph, new_thread, said, where

FIRST, LAST = 10, 50
"""Turns at the beginning and at the end of a conversation whose bytes are compared."""
READS = 15
SMALL_READS = 60
"""Reads of a thread of one short turn."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    rounds: int = 5
    runs: int = 10
    """Runs of each saver and mode in one round."""
    threads: tuple[int, ...] = (1, 8, 64)
    turns: int = 1000
    """Messages of one kilobyte of the conversation that grows and is then resumed."""

    def steps(self, sides: int) -> int:
        """Return how many steps of progress there are."""
        return sides * self.rounds * (len(MODES) * self.runs + len(self.threads)) + (sides - 1) * len(self.marks)

    @property
    def marks(self) -> list[int]:
        """Return the turns after which the conversation is looked at, or its progress told."""
        return sorted({FIRST, self.turns - LAST, self.turns, *range(100, self.turns - LAST, 100)})


QUICK = Plan(rounds=2, runs=3, turns=200)


@dataclass(slots=True)
class _Steps:
    report: Report
    total: int
    done: int = 0

    def took(self, what: str) -> None:
        self.done += 1
        self.report(self.done, self.total, what)


@dataclass(frozen=True, slots=True)
class _Times:
    """What runs took, in milliseconds, by saver and mode; one median per round."""

    wall: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    cpu: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))


async def measure(plan: Plan, report: Report, postgres: str | None = None) -> dict[str, Any]:
    """Return the figures; both Redis savers are on one server that writes every change to disk."""
    with tempfile.TemporaryDirectory(prefix="twintrack-bench-") as folder:
        async with opened_sides(Path(folder), postgres) as (sides, missing):
            steps = _Steps(report, plan.steps(len(sides)))
            return {
                **await _overhead(sides, plan, steps),
                **await _throughput(sides, plan, steps),
                **await _small(sides),
                **await _growth(sides, plan, steps),
                "rounds_done": plan.rounds,
                "missing": missing,
            }


async def _overhead(sides: list[Side], plan: Plan, steps: _Steps) -> dict[str, Any]:
    graphs = {side.name: graph(side.saver) for side in sides}
    for side in sides:
        await _run(side, graphs[side.name])
    times = _Times()
    for _ in range(plan.rounds):
        await _round(sides, graphs, plan.runs, times, steps)
    names = [side.name for side in sides]
    savers = [name for name in names if name != NONE]
    return {
        "overhead_ratio": _table(savers, lambda name, mode: _ratio(times.wall, name, mode)),
        "client_cpu_ms": _table(savers, lambda name, mode: round(median(_over(times.cpu, name, mode)), 3)),
        "run_ms": _table(names, lambda name, mode: round(median(times.wall[name, mode]), 3)),
        "rounds": {
            "run_ms": _table(names, lambda name, mode: _rounded(times.wall[name, mode])),
            "cpu_ms": _table(names, lambda name, mode: _rounded(times.cpu[name, mode])),
        },
    }


async def _round(sides: list[Side], graphs: dict[str, Any], runs: int, times: _Times, steps: _Steps) -> None:
    wall, cpu = defaultdict(list), defaultdict(list)
    order = [(side, mode) for side in sides for mode in MODES for _ in range(runs)]
    random.shuffle(order)
    for side, mode in order:
        options = {} if side.name == NONE else {"durability": mode}
        began, busy = time.perf_counter(), time.process_time()
        await _run(side, graphs[side.name], **options)
        wall[side.name, mode].append(time.perf_counter() - began)
        cpu[side.name, mode].append(time.process_time() - busy)
        steps.took(f"{side.name}, {mode}")
    for at in wall:
        times.wall[at].append(median(wall[at]) * 1000)
        times.cpu[at].append(median(cpu[at]) * 1000)


async def _run(side: Side, compiled: Any, **options: Any) -> None:
    thread = new_thread()
    async with side.held(thread):
        await compiled.ainvoke(conversation(), where(thread), **options)


def _table(names: Sequence[str], value: Callable[[str, str], Any]) -> dict[str, dict[str, Any]]:
    return {name: {mode: value(name, mode) for mode in MODES} for name in names}


def _over(times: dict[tuple[str, str], list[float]], name: str, mode: str) -> list[float]:
    """Return by how much a saver's runs take longer than those without one, round by round."""
    return [saver - none for saver, none in zip(times[name, mode], times[NONE, mode], strict=True)]


def _ratio(times: dict[tuple[str, str], list[float]], name: str, mode: str) -> float:
    pairs = zip(_over(times, name, mode), _over(times, STOCK, mode), strict=True)
    return round(median(ours / stock for ours, stock in pairs), 3)


def _rounded(values: list[float]) -> list[float]:
    return [round(value, 3) for value in values]


async def _throughput(sides: list[Side], plan: Plan, steps: _Steps) -> dict[str, Any]:
    speeds: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for _ in range(plan.rounds):
        order = [(side, count) for side in sides for count in plan.threads]
        random.shuffle(order)
        for side, count in order:
            compiled = graph(side.saver)
            began = time.perf_counter()
            async with asyncio.TaskGroup() as group:
                for _ in range(count):
                    group.create_task(_one_after_another(side, compiled, 1 + 3 // count))
            speeds[side.name][str(count)].append(count * (1 + 3 // count) / (time.perf_counter() - began))
            steps.took(f"{side.name}, {count} at once")
    return {
        "runs_per_s": {
            name: {count: round(median(speed[count]), 2) for count in map(str, plan.threads)}
            for name, speed in speeds.items()
        }
    }


async def _one_after_another(side: Side, compiled: Any, runs: int) -> None:
    for _ in range(runs):
        await _run(side, compiled)


async def _small(sides: list[Side]) -> dict[str, Any]:
    """Return what reading the newest version of a thread of one short turn takes, on the clock and of this process."""
    savers = [side for side in sides if side.saver]
    thread, times = new_thread(), _Times()
    for side in savers:
        await graph(side.saver, 1).ainvoke(conversation(), where(thread))
    for side in random.sample(savers * SMALL_READS, len(savers) * SMALL_READS):
        began, busy = time.perf_counter(), time.process_time()
        await side.saver.aget_tuple(where(thread))
        times.cpu[side.name, ""].append((time.process_time() - busy) * 1000)
        times.wall[side.name, ""].append((time.perf_counter() - began) * 1000)
    return {
        "small_get_ms": {side.name: round(median(times.wall[side.name, ""]), 3) for side in savers},
        "small_get_cpu_ms": {side.name: round(median(times.cpu[side.name, ""]), 3) for side in savers},
    }


async def _growth(sides: list[Side], plan: Plan, steps: _Steps) -> dict[str, Any]:
    """Return what a turn of one kilobyte adds to a conversation, and what reading its end takes."""
    threads = {side.name: new_thread() for side in sides}
    sizes = {side.name: await _talk(side, threads[side.name], plan, steps) for side in sides if side.saver}
    taken: dict[str, list[float]] = defaultdict(list)
    for side in random.sample([side for side in sides if side.saver] * READS, READS * (len(sides) - 1)):
        began = time.perf_counter()
        found = await side.saver.aget_tuple(where(threads[side.name]))
        taken[side.name].append((time.perf_counter() - began) * 1000)
        assert len(found.checkpoint["channel_values"]["messages"]) == plan.turns  # noqa: S101 - or the figure means nothing
    return {
        "resume_ms": {name: round(median(times), 3) for name, times in taken.items()},
        "bytes_per_turn": sizes,
    }


async def _talk(side: Side, thread: str, plan: Plan, steps: _Steps) -> dict[str, int]:
    """Hold the conversation; return the mean bytes of its first turns and of its last ones."""
    assert side.weight  # noqa: S101 - only a side without a saver has none
    compiled, marks, turns = graph(side.saver, 1), {0: 0}, plan.turns
    for end in plan.marks:
        done = max(marks)
        # What a turn adds depends on all turns before it in ours alone; the others' middle goes in at one go.
        one_by_one = side.name == OURS or end in (FIRST, turns)
        for _ in range(end - done if one_by_one else 1):
            async with side.held(thread):
                said_now = {"messages": said(1 if one_by_one else end - done)}
                await compiled.ainvoke(said_now, where(thread), **({} if one_by_one else {"durability": "exit"}))
        marks[end] = await side.weight(thread) if end in (FIRST, turns - LAST, turns) else 0
        steps.took(f"{side.name}, {end} turns")
    return {
        f"1-{FIRST}": round(marks[FIRST] / FIRST),
        f"{turns - LAST + 1}-{turns}": round((marks[turns] - marks[turns - LAST]) / LAST),
    }
