"""The calculator computes, and what it runs reaches nothing outside."""

import asyncio
from collections.abc import AsyncIterator

import psutil
import pytest

from tests.waiting import PATIENCE_S
from twintrack.core.errors import InputError
from twintrack.nodes.calculate import OUTPUT_CHARS, Sandbox, calculate


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    sandbox = Sandbox(seconds=1.0)
    yield sandbox
    await sandbox.aclose()


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("17 * 23", "391"),
        ("0.1 + 0.2", "0.3"),
        ("6 / 3", "2"),
        ("2 ** 0.5", "1.41421356237"),
        ("2 ** 100", str(2**100)),
        ("import math\nmath.sqrt(16)", "4"),
        ("print('a')\nprint('b')\n3", "a\nb\n3"),
        ("sum([3, 4, 5])", "12"),
        ("x = 4\nx * x", "16"),
        ("1e300 * 1e300", "inf"),
        ("True", "True"),
    ],
)
async def test_it_computes(sandbox: Sandbox, code: str, value: str) -> None:
    assert await sandbox.run(code) == value


@pytest.mark.parametrize(
    "attack",
    [
        "import os\nos.environ['PATH']",
        "import os\nos.system('id')",
        "import os\nos.listdir('/')",
        "open('/etc/passwd').read()",
        "open('written', 'w').write('x')",
        "from pathlib import Path\nPath('/etc/passwd').read_text()",
        "import subprocess",
        "import socket",
        "import urllib.request",
        "import ctypes",
        "__import__('os').getpid()",
        "().__class__.__base__.__subclasses__()",
        "eval('open(\"/etc/passwd\").read()')",
    ],
)
async def test_an_attack_on_the_host_fails(sandbox: Sandbox, attack: str) -> None:
    with pytest.raises(InputError, match="The calculation failed"):
        await sandbox.run(attack)
    assert await sandbox.run("1 + 1") == "2"


async def test_the_working_folder_is_not_the_hosts(sandbox: Sandbox) -> None:
    assert await sandbox.run("import os\nos.getcwd()") == "/"


@pytest.mark.parametrize(
    ("attack", "limit"),
    [
        ("while True: pass", "time limit"),
        ("x = [0] * 10**9", "memory limit"),
        ("x = []\nwhile True: x.append('a' * 100_000)", "memory limit|time limit"),
        ("9 ** 9 ** 9", "memory limit"),
        ("'a' * 10**10", "memory limit"),
        ("def f(): return f()\nf()", "recursion"),
        ("import time\ntime.sleep(30)", "sleep limit"),
        ("while True: print('x' * 1000)", "limit"),
        ("10 ** 5000", "digits"),
        ("1 / 0", "division by zero"),
        ("1 +", "Expected an expression"),
    ],
)
async def test_a_greedy_calculation_ends_with_its_limit(sandbox: Sandbox, attack: str, limit: str) -> None:
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(InputError, match=limit):
            await sandbox.run(attack)
        assert await sandbox.run("2 + 2") == "4"


async def test_a_long_answer_is_cut(sandbox: Sandbox) -> None:
    assert len(await sandbox.run("'a' * 100_000")) < OUTPUT_CHARS + 20


async def test_nothing_is_left_from_one_calculation_to_the_next(sandbox: Sandbox) -> None:
    await sandbox.run("secret = 42")
    with pytest.raises(InputError, match="secret"):
        await sandbox.run("secret")


async def test_the_loop_is_free_while_a_calculation_runs(sandbox: Sandbox) -> None:
    task = asyncio.create_task(sandbox.run("while True: pass"))
    for _ in range(5):
        await asyncio.sleep(0.01)
    assert not task.done()
    with pytest.raises(InputError):
        await task


async def test_many_calculations_share_the_workers(sandbox: Sandbox) -> None:
    values = await asyncio.gather(*(sandbox.run(f"{n} * {n}") for n in range(20)))
    assert values == [str(n * n) for n in range(20)]


async def test_closing_leaves_no_process_and_a_later_run_starts_anew() -> None:
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    sandbox = Sandbox()
    assert {child.pid for child in psutil.Process().children(recursive=True)} == before, "lazy"
    await sandbox.run("1")
    assert len(psutil.Process().children(recursive=True)) > len(before)
    await sandbox.aclose()
    left = {child.pid for child in psutil.Process().children(recursive=True) if child.status() != psutil.STATUS_ZOMBIE}
    assert left <= before
    assert await sandbox.run("1") == "1"
    await sandbox.aclose()


async def test_one_calculation_needs_no_sandbox_of_ones_own() -> None:
    assert await calculate("6 * 7") == "42"
