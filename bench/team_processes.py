"""How far the team's work spreads over processes on one Redis, and a peer's beside it."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from twintrack.bench.team import STEPS, WARM_UP, Run, audited, look_up, present_peers, scripted_worker
from twintrack.bench.team_peers import PEERS, Work
from twintrack.core.errors import Conflict

PEER = "langgraph-supervisor"


async def spread(processes: Sequence[int], runs: int) -> dict[str, dict[str, float]]:
    """Return the steps per second of so many processes at once, by side and number of processes."""
    sides = ["ours", *present_peers(_work(), {PEER: PEERS[PEER]})[0]]
    return {side: {str(number): await _together(side, number, runs) for number in processes} for side in sides}


async def _together(side: str, number: int, runs: int) -> float:
    """Start them, let all begin at one moment, and divide all steps by the time of the slowest."""
    workers = [await _started(side, runs) for _ in range(number)]
    for worker in workers:
        await _line(worker)
    for worker in workers:
        if worker.stdin is not None:
            worker.stdin.write(b"go\n")
    seconds = max([float(await _line(worker)) for worker in workers])
    await asyncio.gather(*(worker.wait() for worker in workers))
    return round(number * runs * STEPS / seconds, 1)


async def _started(side: str, runs: int) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "twintrack.bench.team_processes", side, str(runs)), stdin=pipe, stdout=pipe
    )


async def _line(worker: asyncio.subprocess.Process) -> str:
    line = await worker.stdout.readline() if worker.stdout else b""
    if not line:
        raise Conflict("A worker ended before its work was done.", fix="look at what it wrote above")
    return line.decode().strip()


async def work_alone(side: str, runs: int) -> None:
    """Warm up, wait for the word, and tell how many seconds the runs took."""
    async with _side(side) as run:
        for _ in range(WARM_UP):
            await run()
        print("ready", flush=True)  # noqa: T201 - what the parent waits for
        await asyncio.to_thread(sys.stdin.readline)
        began = time.perf_counter()
        for _ in range(runs):
            await run()
        print(time.perf_counter() - began, flush=True)  # noqa: T201 - what the parent reads


@asynccontextmanager
async def _side(side: str) -> AsyncIterator[Run]:
    if side == "ours":
        async with audited(_work(), waits=False) as run:
            yield run
    else:
        yield PEERS[side](_work())


def _work() -> Work:
    return Work(steps=STEPS, tool=look_up(), model=scripted_worker)


if __name__ == "__main__":
    asyncio.run(work_alone(sys.argv[1], int(sys.argv[2])))
