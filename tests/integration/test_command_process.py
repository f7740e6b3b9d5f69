"""The command line as a process: its exit code, its streams, its pipes, and what it loads."""

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import ESCAPE, PROGRAM, assert_one_line, environment, run, run_process, start
from tests.waiting import PATIENCE_S
from twintrack.core.embedded_redis import EmbeddedRedis

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


APPROVE = {"TWINTRACK_TEAM__APPROVE": '["calculator"]'}
SUM = "What is 17 * 23?"


def chatted(folder: Path, redis_url: str, *lines: str, **settings: str) -> str:
    """Type the lines into a chat and return what it shows."""
    done = run_process(folder, redis_url, "chat", "--thread", "t", given="\n".join([*lines, ""]), **settings)
    assert done.returncode == 0
    assert re.fullmatch(r"Redis \S+ at \S+\n", done.stderr)
    return done.stdout


def test_a_chat_shows_its_trace_and_what_it_remembers(filled: str, tmp_path: Path) -> None:
    shown = chatted(tmp_path, filled, "/trace", "/memory", "My name is Ann.", "/trace", "/memory", "/memory Ann")
    assert "Ask something first." in shown
    assert "Nothing is remembered yet." in shown
    assert "retrieve" in shown
    assert "first_token_ms" in shown
    facts = [line for line in shown.splitlines() if line.startswith("fact ")]
    assert len(facts) == 2
    assert all("Ann" in fact for fact in facts)


@pytest.mark.parametrize(
    ("decision", "shown", "not_shown"), [("/approve", "391", "Not done"), ("/reject", "Not done", "391")]
)
def test_a_person_decides_in_a_chat(filled: str, tmp_path: Path, decision: str, shown: str, not_shown: str) -> None:
    told = chatted(tmp_path, filled, decision, SUM, decision, decision, **APPROVE)
    assert told.count("Nothing waits for a decision.") == 2
    assert "It waits for your decision." in told
    assert shown in told
    assert not_shown not in told


async def test_a_redis_that_is_lost_in_a_chat_costs_a_line_and_not_the_chat(tmp_path: Path) -> None:
    server = EmbeddedRedis(tmp_path / "redis", fsync="no")
    chat = await start(tmp_path, server.ensure_running().url, "chat", "--thread", "t", TWINTRACK_REDIS__TIMEOUT_S="1")
    assert chat.stdin
    assert chat.stdout
    chat.stdin.write(b"My name is Ann.\n")
    async with asyncio.timeout(PATIENCE_S):
        while b"answered" not in await chat.stdout.readline():
            pass
    server.leave()
    lines = [b"/memory", b"/memory Ann", b"/trace", b"/versions", b"/rollback 1", b"/continue", b"Who am I?", b"/help"]
    output, errors = await asyncio.wait_for(chat.communicate(b"\n".join([*lines, b""])), PATIENCE_S)
    shown = output.decode()
    assert "Traceback" not in shown + errors.decode()
    assert shown.count("Redis cannot be reached") >= 6
    assert "/help" in shown
    assert "Bye." in shown
    assert chat.returncode == 0


@pytest.mark.parametrize("arguments", [[], ["ask"]], ids=["the program", "ask"])
def test_help_loads_nothing_heavy(tmp_path: Path, arguments: list[str]) -> None:
    asked = ["twintrack", *arguments, "--help"]
    code = f"import sys; sys.argv={asked}\nfrom twintrack.app.cli import main\ntry: main()\nfinally: print(*sys.modules, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE_S
    )
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
