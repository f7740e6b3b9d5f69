"""Runs the command line as people do, in a folder of its own: in this process, or as a process where that is the point."""

import asyncio
import contextlib
import io
import logging
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from unittest import mock

from tests.waiting import PATIENCE_S
from twintrack.app.cli import main

PROGRAM = (str(Path(sys.executable).with_name("twintrack")),)
ESCAPE = "\x1b"
_UNHURRIED = {"TWINTRACK_TEAM__OVERHEAD_UNNOTICED_S": "1000"}
"""On a busy machine coordination takes its time, and a warning of it is a second line."""
_CLEARED = ("OPENAI_API_KEY", "LANGFUSE_PUBLIC_KEY", "LANGFUSE_SECRET_KEY", "COLUMNS")


def environment(redis_url: str, settings: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment with the settings, and nothing else of twintrack's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TWINTRACK_")}
    for name in _CLEARED:
        kept.pop(name, None)
    return {**kept, **_UNHURRIED, "TWINTRACK_REDIS__URL": redis_url, **settings}


def run(
    folder: Path, redis_url: str, *arguments: str, given: str = "", **settings: str
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end in `folder`, in this process: what a process costs to start is not paid again."""
    with _pipes(given) as (output, errors), _surroundings(folder, environment(redis_url, settings), arguments):
        code = _outcome()
    return subprocess.CompletedProcess(arguments, code, output.getvalue().decode(), errors.getvalue().decode())


def run_process(
    folder: Path, redis_url: str, *arguments: str, given: str = "", **settings: str
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end in `folder`, as a process of its own."""
    return subprocess.run(
        [*PROGRAM, *arguments],
        env=environment(redis_url, settings),
        cwd=folder,
        input=given,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )


def assert_one_line(done: subprocess.CompletedProcess[str], *words: str, code: int = 1) -> None:
    """Assert that the command said one plain line on standard error, with the words in it."""
    lines = done.stderr.strip().splitlines()
    assert (done.returncode, len(lines)) == (code, 1), done.stderr
    assert lines[0].startswith("twintrack: ")
    assert ESCAPE not in done.stderr
    for word in words:
        assert word in lines[0]


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


def _outcome() -> int:
    try:
        main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


@contextlib.contextmanager
def _pipes(given: str) -> Iterator[tuple[io.BytesIO, io.BytesIO]]:
    """Stand pipes in for the standard streams, and let the log go where a fresh process sends it."""
    output, errors = io.BytesIO(), io.BytesIO()
    streams = {
        "stdin": io.TextIOWrapper(io.BytesIO(given.encode()), "utf-8"),
        "stdout": io.TextIOWrapper(output, "utf-8", write_through=True),
        "stderr": io.TextIOWrapper(errors, "utf-8", write_through=True),
    }
    with contextlib.ExitStack() as patches:
        for name, stream in streams.items():
            patches.enter_context(mock.patch.object(sys, name, stream))
        patches.enter_context(mock.patch.object(logging.root, "handlers", []))
        yield output, errors
        for stream in streams.values():
            stream.detach()


@contextlib.contextmanager
def _surroundings(folder: Path, variables: Mapping[str, str], arguments: tuple[str, ...]) -> Iterator[None]:
    with (
        contextlib.chdir(folder),
        mock.patch.dict(os.environ, variables, clear=True),
        mock.patch.object(sys, "argv", ["twintrack", *arguments]),
    ):
        yield
