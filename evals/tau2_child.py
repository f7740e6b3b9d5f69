"""Begins one of τ²'s tasks and dies in the middle, as a process does that is killed: what to do comes as JSON."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import RedisSettings
from twintrack.evals.tau2 import ASKED, EVAL, CutsOff, gold, middle, opened, place


async def begin(told: dict[str, Any]) -> None:
    """Make the task's calls up to the middle one, and die once that has taken effect."""
    given = {name: value for name, value in told["redis"].items() if value}
    source = RedisSource(RedisSettings.model_validate(given))
    async with opened(told["domain"], source, Path(told["folder"]), bytes.fromhex(told["secret"])) as shop:
        calls = gold(next(task for task in shop.tasks() if str(task["id"]) == told["task"]))
        dies = CutsOff(str(middle(calls)), lambda: os.kill(os.getpid(), signal.SIGKILL))
        await shop.agent(calls, told["key"], dies).ainvoke(ASKED, place(told["thread"], calls), context=EVAL)


if __name__ == "__main__":
    asyncio.run(begin(json.load(sys.stdin)))
