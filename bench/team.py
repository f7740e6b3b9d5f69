"""What the team's graph costs per sub-agent step, beside bare agents and other supervisors doing the same work."""

import asyncio
import gc
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from langchain.agents import create_agent
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.tools import BaseTool, StructuredTool

from twintrack.app.parts import Parts, make_parts
from twintrack.app.testing import ScriptedChatModel
from twintrack.bench.team_growth import growth, hand_over_ms
from twintrack.bench.team_patterns import patterns
from twintrack.bench.team_peers import PEERS, SYSTEM, Work, called, check_done, last_results
from twintrack.core.context import Context, Identity
from twintrack.core.settings import Settings, load_settings
from twintrack.graphs import team
from twintrack.graphs.agent_row import AgentSpec

STEPS = 4
WARM_UP = 3
SLEEP = 1.0
SWITCHED_ON = {
    "ours": "limits and their meter, tool gate, record of its decisions on Redis, agents' time limits; no checkpoints, no traces",
    "others": "as they come: no limits, no checkpoints, no traces",
}
Run = Callable[[], Awaitable[Any]]


async def measure(runs: int, rounds: int, agents: Sequence[int] = (1, 2, 4, 8, 16)) -> dict[str, Any]:
    """Return CPU per sub-agent step of each side, ratios of ours to each, and four one-second agents' wall time."""
    work = Work(steps=STEPS, tool=look_up(), model=scripted_worker)
    peers, missing = present_peers(work)
    async with audited(work) as whole:
        sides = {"ours": whole, "ours, decisions not recorded": ours(work), "create_agent": bare(work), **peers}
        spent = await _interleaved(sides, runs, rounds)
    alone = await _interleaved(patterns(make_parts(load_settings(audit={"keep": 0})).resources, STEPS), runs, rounds)
    per_step = {name: statistics.median(values) for name, values in spent.items()}
    floor = per_step["create_agent"]
    return {
        "ratio": {name: round(per_step["ours"] / value, 3) for name, value in per_step.items() if "ours" not in name},
        "cpu_ms_per_step": {name: round(value, 3) for name, value in per_step.items()},
        "overhead_ms_per_step": {name: round(value - floor, 3) for name, value in per_step.items()},
        "coordination": {name: ceiling(statistics.median(values)) for name, values in alone.items()},
        "hand_over_ms": await hand_over_ms(runs),
        "cpu_ms_per_step_by_agents": await growth(agents, runs),
        "switched_on": SWITCHED_ON,
        "four_agents_of_one_second_s": await four_slow_agents(),
        "steps": STEPS,
        "rounds": {name: [round(value, 3) for value in values] for name, values in spent.items()},
        **({"missing": missing, "install": "uv sync --group peers"} if missing else {}),
    }


def ceiling(cpu_ms: float) -> dict[str, float]:
    """Return what one step's coordination takes, and so how many steps a second one core can coordinate."""
    return {"cpu_ms_per_step": round(cpu_ms, 3), "steps_per_s": round(1000 / cpu_ms, 1)}


async def _interleaved(sides: Mapping[str, Run], runs: int, rounds: int) -> dict[str, list[float]]:
    """Return CPU milliseconds per step of each side, round by round."""
    for run in sides.values():
        await _cpu(run, WARM_UP)
    spent: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, run in sides.items():
            spent[name].append(await _cpu(run, runs) / STEPS)
    return spent


def present_peers(work: Work, peers: Mapping[str, Callable[[Work], Run]] = PEERS) -> tuple[dict[str, Run], list[str]]:
    """Return the peers that are installed, ready to run, and the names of the others."""
    found: dict[str, Run] = {}
    missing: list[str] = []
    for name, make in peers.items():
        try:
            found[name] = make(work)
        except ImportError:
            missing.append(name)
    return found, missing


@asynccontextmanager
async def audited(work: Work, *, waits: bool = True) -> AsyncIterator[Run]:
    """Give the team as it comes, with the record of its tool calls' decisions; one that `waits` ends once all is written."""
    parts = _parts(work, load_settings())
    run = ours(work, parts=parts)

    async def written() -> Any:
        state = await run()
        await parts.audit.flush()
        return state

    try:
        yield written if waits else run
    finally:
        await parts.aclose()


def _parts(work: Work, settings: Settings, seconds: float = 0.0) -> Parts:
    models = {"planner": ScriptedChatModel(script=_plans(work.steps)), "agent": work.model(seconds)}
    return make_parts(settings, models=models)


def ours(work: Work, seconds: float = 0.0, parts: Parts | None = None) -> Run:
    """Return the whole team subgraph: a planning model, one agent of the table, gather, compose and verify."""
    parts = parts or _parts(work, load_settings(audit={"keep": 0}), seconds)
    row = AgentSpec(name="worker", purpose="Looks things up.", tools=(work.tool,), prompt=SYSTEM, computes=True)
    graph = team.build(parts.resources, [row]).compile()
    question = "Look up four things."

    async def run() -> Any:
        # As in an application: one meter a run, which hears of every call.
        config: Any = {"callbacks": [parts.meters.meter(None, Identity())]}
        config["callbacks"][0].stand_for(())
        asked: Any = {"messages": [HumanMessage(question)], "question": question}
        state = await graph.ainvoke(asked, config, context=Context())
        check_done(state["coverage"]["done"], work)
        return state

    return run


def bare(work: Work) -> Run:
    """Return the agents alone, at once and without anybody who plans or gathers."""
    agent: Any = create_agent(work.model(0.0), [work.tool], system_prompt=SYSTEM, name="worker")

    async def run() -> Any:
        asked = ({"messages": [HumanMessage(f"look up {number}")]} for number in range(work.steps))
        return await asyncio.gather(*(agent.ainvoke(one) for one in asked))

    return run


async def four_slow_agents() -> float:
    """Return the wall time of four agents whose model takes one second in all."""
    run = ours(Work(steps=STEPS, tool=look_up(), model=scripted_worker), seconds=SLEEP / 2)
    clock = asyncio.get_running_loop().time
    started = clock()
    await run()
    return round(clock() - started, 3)


def look_up() -> BaseTool:
    """Return the tool that every side's agents call."""

    async def run(key: str) -> str:
        return f"value {key} is {len(key) + 41}"

    return StructuredTool.from_function(coroutine=run, name="look_up", description="Look a value up by its key.")


def scripted_worker(seconds: float) -> ScriptedChatModel:
    """Return a model that calls the tool once and then says what it gave back."""

    def script(messages: list[BaseMessage]) -> AIMessage:
        if results := last_results(messages):
            return AIMessage(f"Found: {results[-1].text}")
        # Agents that ask the same again and again would be stopped as going in circles.
        task = next((one.text.split() for one in messages if isinstance(one, HumanMessage)), ["a"])
        return called("look_up", {"key": str(task[-1])}, "call_1")

    return ScriptedChatModel(script=script, seconds=seconds)


def _plans(steps: int) -> Callable[[list[BaseMessage]], AIMessage]:
    planned = [
        {"id": str(number), "agent": "worker", "task": f"look up {number}", "depends_on": []} for number in range(steps)
    ]
    return lambda _: called("Plan", {"steps": planned}, "call_plan")


async def _cpu(run: Run, runs: int) -> float:
    gc.collect()
    started = time.process_time()
    for _ in range(runs):
        await run()
    return (time.process_time() - started) * 1000 / runs
