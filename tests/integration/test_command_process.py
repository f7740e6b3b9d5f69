"""The command line as a process: its exit code, its streams, its pipes, and what it loads."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import ESCAPE, PROGRAM, assert_one_line, environment, run, run_process

pytestmark = pytest.mark.slow


def test_an_answer_and_a_fault_end_as_programs_expect_it(filled: str, tmp_path: Path) -> None:
    done = run_process(tmp_path, filled, "ask", "-", "--json", given="What is the monthly fee of the Blue Account?")
    assert (done.returncode, done.stderr) == (0, "")
    assert "$15" in json.loads(done.stdout)["text"]
    refused = run_process(tmp_path, filled, "ask", "-", given="why " * 262_144)
    assert_one_line(refused, "too long")
    fault = run_process(tmp_path, "redis://127.0.0.1:1/0", "ask", "Hello?", "--json")
    assert_one_line(fault, "Redis cannot be reached", "Fix: check TWINTRACK_REDIS__URL")
    assert "Redis cannot be reached" in json.loads(fault.stdout)["error"]
    assert_one_line(run_process(tmp_path, filled, "frobnicate"), "--help", code=2)


def test_a_chat_from_a_pipe_is_plain_and_survives_a_turn_that_fails(filled: str, tmp_path: Path) -> None:
    asked = "What is the monthly fee of the Blue Account?\n/nonsense\n/rollback 1f0\n/versions\n\n蓝色账户？\n"
    done = run_process(tmp_path, filled, "chat", "--thread", "t", given=asked)
    assert done.returncode == 0
    assert ESCAPE not in done.stdout + done.stderr
    assert "$15" in done.stdout
    assert "[1] docs/fees.md:3" in done.stdout
    assert "There is no /nonsense" in done.stdout
    assert "no version" in done.stdout
    assert "twintrack chat --thread t" in done.stdout
    told = json.loads(run_process(tmp_path, filled, "chat", "--json", given="What is the fee?\n\nAnd again?\n").stdout)
    assert len(told["answers"]) == 2


@pytest.mark.parametrize("arguments", [[], ["ask"]], ids=["the program", "ask"])
def test_help_loads_nothing_heavy(tmp_path: Path, arguments: list[str]) -> None:
    asked = ["twintrack", *arguments, "--help"]
    code = f"import sys; sys.argv={asked}\nfrom twintrack.app.cli import main\ntry: main()\nfinally: print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=30)
    assert "Usage: twintrack" in done.stdout
    heavy = {"langgraph", "langchain_core", "redis", "redisvl", "numpy", "pydantic", "langfuse", "rich.live"}
    loaded = set(done.stderr.split())
    assert not heavy & loaded
    assert arguments or not {"stamina", "asyncio", "importlib.metadata"} & loaded


@pytest.mark.parametrize("command", [("settings",), ("doctor",), ("versions", "list", "t")])
def test_a_reader_that_leaves_early_causes_no_traceback(filled: str, tmp_path: Path, command: tuple[str, ...]) -> None:
    run(tmp_path, filled, "ask", "What is the fee?", "--thread", "t")
    with subprocess.Popen(
        [*PROGRAM, *command], env=environment(filled, {}), cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        errors = process.stderr.read().decode()
    assert errors == ""
