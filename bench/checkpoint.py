"""Measures what keeping versions costs, beside LangGraph's other savers in one process, rounds interleaved."""

import asyncio
import operator
import random
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from secrets import token_hex
from statistics import median
from typing import Annotated, Any, Literal, get_args
from uuid import uuid4

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.redis.aio import AsyncRedisSaver
from langgraph.graph import START, StateGraph
from langgraph.graph.message import add_messages
from typing_extensions import TypedDict

from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import RedisSettings
from twintrack.memory.checkpoints import VersionedRedisSaver

NODES = 10
Mode = Literal["sync", "async", "exit"]
MODES: tuple[Mode, ...] = get_args(Mode)
NONE, STOCK, OURS = "none", "AsyncRedisSaver", "ours"
Savers = dict[str, Any]


class Work(TypedDict, total=False):
    """A conversation, and what its nodes count."""

    messages: Annotated[list[AnyMessage], add_messages]
    count: Annotated[int, operator.add]


async def measure(runs: int, rounds: int, threads: tuple[int, ...], messages: int, turns: int) -> dict[str, Any]:
    """Return the figures; both Redis savers are on one server that writes every change to disk."""
    with tempfile.TemporaryDirectory(prefix="twintrack-bench-") as folder:
        async with _opened(Path(folder)) as (source, savers):
            return {
                **await _overhead(savers, runs, rounds),
                "runs_per_s": await _throughput(savers, threads),
                "resume_ms": await _resume(savers, messages),
                "bytes_per_turn": await _growth(source, savers, turns),
            }


@asynccontextmanager
async def _opened(folder: Path) -> AsyncIterator[tuple[RedisSource, Savers]]:
    source = RedisSource(RedisSettings.model_validate({"data_dir": folder, "max_connections": 256}))
    savers: Savers = {NONE: None, "InMemorySaver": InMemorySaver()}
    async with AsyncExitStack() as stack:
        stack.push_async_callback(source.aclose)
        savers[STOCK] = AsyncRedisSaver(redis_client=source.client())
        await savers[STOCK].asetup()
        savers[OURS] = VersionedRedisSaver(source=source, single_writer=True)
        if sqlite := _sqlite(folder):
            savers["AsyncSqliteSaver"] = await stack.enter_async_context(sqlite)
        yield source, savers


def _sqlite(folder: Path) -> Any:
    try:
        from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
    except ImportError:
        return None
    return AsyncSqliteSaver.from_conn_string(str(folder / "sqlite"))


def _graph(saver: BaseCheckpointSaver[Any] | None, nodes: int = NODES) -> Any:
    async def count(_: Work) -> Work:
        return {"count": 1}

    builder: Any = StateGraph(Work)
    for at in range(nodes):
        builder.add_node(f"n{at}", count)
        builder.add_edge(f"n{at - 1}" if at else START, f"n{at}")
    return builder.compile(checkpointer=saver)


def _input(messages: int = 20, size: int = 500) -> Work:
    return {"messages": [HumanMessage("x" * size, id=str(n)) for n in range(messages)], "count": 0}


def _new_thread() -> Any:
    return {"configurable": {"thread_id": uuid4().hex}}


async def _overhead(savers: Savers, runs: int, rounds: int) -> dict[str, Any]:
    graphs = {name: _graph(saver) for name, saver in savers.items()}
    wall: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    cpu: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for graph in graphs.values():
        await graph.ainvoke(_input(), _new_thread())
    for _ in range(rounds):
        sides = [(name, mode) for name in graphs for mode in MODES]
        random.shuffle(sides)
        for name, mode in sides:
            options = {} if name == NONE else {"durability": mode}
            began, busy = time.perf_counter(), time.process_time()
            for _ in range(runs):
                await graphs[name].ainvoke(_input(), _new_thread(), **options)
            wall[name][mode].append((time.perf_counter() - began) / runs)
            cpu[name][mode].append((time.process_time() - busy) / runs)
    return {
        "overhead_ratio": {name: {mode: _ratio(wall, name, mode) for mode in MODES} for name in savers if name != NONE},
        "run_ms": {name: {mode: _ms(wall[name][mode]) for mode in MODES} for name in savers},
        "client_cpu_ms": {name: {mode: _over(cpu, name, mode) for mode in MODES} for name in savers if name != NONE},
    }


def _ms(seconds: list[float]) -> float:
    return round(median(seconds) * 1000, 3)


def _over(times: dict[str, dict[str, list[float]]], name: str, mode: str) -> float:
    pairs = zip(times[name][mode], times[NONE][mode], strict=True)
    return _ms([saver - none for saver, none in pairs])


def _ratio(times: dict[str, dict[str, list[float]]], name: str, mode: str) -> float:
    return round(_over(times, name, mode) / _over(times, STOCK, mode), 3)


async def _throughput(savers: Savers, threads: tuple[int, ...]) -> dict[str, dict[str, float]]:
    speeds: dict[str, dict[str, float]] = defaultdict(dict)
    for count in threads:
        for name, saver in random.sample(list(savers.items()), len(savers)):
            graph = _graph(saver)
            began = time.perf_counter()
            await asyncio.gather(*(graph.ainvoke(_input(), _new_thread()) for _ in range(count)))
            speeds[name][str(count)] = round(count / (time.perf_counter() - began), 2)
    return dict(speeds)


async def _resume(savers: Savers, messages: int) -> dict[str, float]:
    resumed = {}
    for name, saver in savers.items():
        if saver is None:
            continue
        thread = _new_thread()
        await _graph(saver, 1).ainvoke(_input(messages, 1000), thread, durability="exit")
        where: Any = {"configurable": thread["configurable"] | {"checkpoint_ns": ""}}
        taken = []
        for _ in range(7):
            began = time.perf_counter()
            await saver.aget_tuple(where)
            taken.append(time.perf_counter() - began)
        resumed[name] = _ms(taken)
    return resumed


async def _growth(source: RedisSource, savers: Savers, turns: int) -> dict[str, dict[str, float]]:
    """Return what a turn of two one-kilobyte messages adds to Redis: over the first ten turns, and the last fifty."""
    sizes: dict[str, dict[str, float]] = {}
    for name in (OURS, STOCK):
        graph, thread = _talk(savers[name]), _new_thread()
        marks = {0: await _used(source)}
        for turn in range(1, turns + 1):
            await graph.ainvoke({"messages": [HumanMessage(token_hex(500))]}, thread)
            if turn in (10, turns - 50, turns):
                marks[turn] = await _used(source)
        late = (marks[turns] - marks[turns - 50]) / 50 if turns >= 60 else 0.0
        sizes[name] = {"1-10": round(marks[10] / 10 - marks[0] / 10), f"{turns - 49}-{turns}": round(late)}
    return sizes


def _talk(saver: BaseCheckpointSaver[Any] | None) -> Any:
    async def answer(_: Work) -> Work:
        return {"messages": [AIMessage(token_hex(500))]}

    builder: Any = StateGraph(Work)
    builder.add_node("answer", answer)
    builder.add_edge(START, "answer")
    return builder.compile(checkpointer=saver)


async def _used(source: RedisSource) -> int:
    return int((await source.client().info("memory"))["used_memory_dataset"])
