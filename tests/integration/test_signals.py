"""Ctrl-C, SIGTERM and a terminal that is closed, once or twice, before the work or in it: one line, the right exit code, all closed, nothing lost."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands import run, start
from tests.embedded import is_running
from tests.integration.test_stopping import QUESTION, Hanging, answered_by, until_asked
from tests.waiting import PATIENCE_S, until
from twintrack.app.testing import StubServer

pytestmark = pytest.mark.slow

STOPPED = ["twintrack: Stopped. What was finished is kept."]
BEFORE = """
import os, signal, sys
from twintrack.app import cli, start
cli.main = lambda: (os.kill(os.getpid(), {signal}), print("went on"))
start.main()
"""
WITHIN = """
import asyncio, os, signal
from twintrack.app import cli, start, stopping

async def work():
    try:
        os.kill(os.getpid(), {signal})
        await asyncio.sleep(100)
    finally:
        for _ in range({more}):
            os.kill(os.getpid(), {signal})
        await asyncio.sleep(0)
        print("closed", flush=True)

cli.cli = lambda **_: stopping.run(work())
start.main()
"""
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}


@pytest.fixture(autouse=True)
def heeded() -> Iterator[None]:
    """Let what a test starts heed every signal, also where the tests were started to ignore one, as `nohup` does."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def told(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )


@pytest.mark.parametrize("number", CODES)
def test_who_stops_it_before_it_works_reads_one_line(number: signal.Signals) -> None:
    done = told(BEFORE.format(signal=int(number)), "--json")
    assert done.returncode == CODES[number]
    assert done.stderr.split("\n", 1)[1].splitlines() == STOPPED
    assert done.stdout == '{"error": "Stopped. What was finished is kept."}\n'


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_what_was_started_to_ignore_a_signal_ignores_it(number: signal.Signals) -> None:
    ignoring = f"import signal; signal.signal({int(number)}, signal.SIG_IGN)"
    done = told(ignoring + BEFORE.format(signal=int(number)))
    assert (done.returncode, done.stdout, done.stderr) == (0, "went on\n", "")


def test_what_was_started_by_nohup_works_on_when_its_terminal_is_closed() -> None:
    ignoring = f"import signal; signal.signal({int(signal.SIGHUP)}, signal.SIG_IGN)"
    done = told(ignoring + WITHIN.format(signal=int(signal.SIGHUP), more=0).replace("sleep(100)", "sleep(0)"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "closed\n", "")


@pytest.mark.parametrize("number", CODES)
def test_what_is_stopped_in_its_work_closes_first(number: signal.Signals) -> None:
    done = told(WITHIN.format(signal=int(number), more=0))
    assert (done.returncode, done.stdout) == (CODES[number], "closed\n")
    assert done.stderr.strip().splitlines() == STOPPED


def test_ctrl_c_twice_does_not_wait_for_the_end_and_reads_no_traceback() -> None:
    done = told(WITHIN.format(signal=2, more=1))
    assert done.returncode == 130
    assert done.stderr.strip().splitlines() == STOPPED


@pytest.mark.parametrize(
    ("number", "times"),
    [(signal.SIGINT, 2), (signal.SIGTERM, 1), (signal.SIGHUP, 1)],
    ids=["Ctrl-C twice", "SIGTERM", "terminal closed"],
)
async def test_the_embedded_redis_has_all_that_was_finished(data_dir: Path, number: signal.Signals, times: int) -> None:
    (data_dir / "fees.md").write_text("# Fees\n\nThe monthly fee of the Blue Account is $15.\n")
    model = Hanging()
    async with StubServer(model) as server:
        settings = {"TWINTRACK_REDIS__DATA_DIR": str(data_dir), **answered_by(server)}

        async def done(*arguments: str) -> subprocess.CompletedProcess[str]:
            return await asyncio.to_thread(lambda: run(data_dir, "", *arguments, **settings))

        assert (await done("ingest", "fees.md")).returncode == 0
        asking = await start(data_dir, "", "ask", QUESTION, "--thread", "t", **settings)
        await until_asked(server)
        for _ in range(times):
            asking.send_signal(number)
        _, errors = await asyncio.wait_for(asking.communicate(), PATIENCE_S)
        assert asking.returncode == CODES[number]
        assert errors.decode().strip().splitlines() == STOPPED
        assert not is_running(data_dir)
        model.hangs = False
        resumed = await done("ask", "--resume", "t")
    assert "fee of the Blue Account is $15" in resumed.stdout
    assert not is_running(data_dir)


ROLLBACK = ("versions", "rollback", "t", "first", "--reason", "wrong")


@pytest.mark.parametrize(
    ("command", "number"),
    [
        *((ROLLBACK, number) for number in CODES),
        (("versions", "list", "t"), signal.SIGHUP),
        (("eval", "cache"), signal.SIGTERM),
    ],
    ids=str,
)
async def test_a_command_that_waits_for_redis_is_stopped_at_once(
    tmp_path: Path, command: tuple[str, ...], number: signal.Signals
) -> None:
    asked = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as redis:
        port = redis.sockets[0].getsockname()[1]
        process = await start(tmp_path, f"redis://127.0.0.1:{port}", *command)
        async with asyncio.timeout(PATIENCE_S):
            await asked.wait()
            process.send_signal(number)
            _, errors = await process.communicate()
    assert process.returncode == CODES[number], errors.decode()
    assert errors.decode().strip().splitlines() == STOPPED


@pytest.mark.parametrize(
    ("command", "number"),
    [
        (("bench", "turn", "--turns", "100000"), signal.SIGTERM),
        (("bench", "turn", "--turns", "100000"), signal.SIGHUP),
        (("chat",), signal.SIGHUP),
    ],
    ids=str,
)
async def test_no_embedded_redis_is_left_behind(
    data_dir: Path, command: tuple[str, ...], number: signal.Signals
) -> None:
    process = await start(data_dir, "", *command, TWINTRACK_REDIS__DATA_DIR=str(data_dir))
    await until(lambda: (data_dir / "redis" / "redis.pid").exists())
    process.send_signal(number)
    _, errors = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    assert process.returncode == CODES[number]
    assert [line for line in errors.decode().strip().splitlines() if not line.startswith("Redis ")] == STOPPED
    assert not is_running(data_dir)
