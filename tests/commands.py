"""Runs the command line as people do: a process of its own, in a folder of its own."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

PROGRAM = (sys.executable, "-c", "from twintrack.app.cli import main; main()")
_CLEARED = ("OPENAI_API_KEY", "LANGFUSE_PUBLIC_KEY", "LANGFUSE_SECRET_KEY", "COLUMNS")


def environment(redis_url: str, settings: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment with the settings, and nothing else of twintrack's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TWINTRACK_")}
    for name in _CLEARED:
        kept.pop(name, None)
    return {**kept, "TWINTRACK_REDIS__URL": redis_url, **settings}


def run(
    folder: Path, redis_url: str, *arguments: str, given: str = "", **settings: str
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end in `folder`."""
    return subprocess.run(
        [*PROGRAM, *arguments],
        env=environment(redis_url, settings),
        cwd=folder,
        input=given,
        capture_output=True,
        text=True,
        timeout=90,
    )


async def start(folder: Path, redis_url: str, *arguments: str, **settings: str) -> asyncio.subprocess.Process:
    """Start one command in `folder`; its input stays open."""
    return await asyncio.create_subprocess_exec(
        *PROGRAM,
        *arguments,
        env=environment(redis_url, settings),
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
