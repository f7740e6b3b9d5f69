"""Where no Redis answers, each command that needs one says so in one line with the fix; the list is the program's own."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tests.commands import assert_one_line, environment, run
from tests.ports import free_port
from tests.waiting import PATIENCE_S
from twintrack.app.cli import cli
from twintrack.core import redis_connection

NOBODY = "redis://127.0.0.1:1/0"
NEEDS_NONE = {
    "bench checkpoint": "starts a Redis of its own",
    "bench team": "measures in memory",
    "bench tracing": "measures in memory",
    "doctor": "reports it among its findings",
    "eval guardrails": "judges texts alone",
    "eval router": "judges texts alone",
    "eval tools": "measures in memory",
    "settings": "reads settings alone",
}
ASKED_FOR = {"eval tune": ["--passages", "rows.jsonl", "--data", "rows.jsonl"]}
"""What a command asks for in its own words, not by a required option."""
ROW = {
    "id": "1",
    "text": "The fee is $5.",
    "question": "What is the fee?",
    "answers": ["$5"],
    "label": 0,
    "preference": "no fees",
    "topic": "accounts",
    "paragraphs": [{"title": "Fees", "paragraph_text": "The fee is $5.", "is_supporting": True}],
    "question_decomposition": [{"question": "What is the fee?", "answer": "$5", "paragraph_support_idx": 0}],
}


def leaves(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Yield every command under its full name."""
    context = click.Context(command)
    if not isinstance(command, click.Group):
        yield " ".join(path), command
        return
    for name in command.list_commands(context):
        below = command.get_command(context, name)
        assert below
        yield from leaves(below, (*path, name))


COMMANDS = dict(leaves(cli))


@pytest.fixture(autouse=True)
def asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no command ask again, and wait before it, whether one has come up meanwhile."""
    monkeypatch.setattr(redis_connection, "ATTEMPTS", 1)


def arguments(command: click.Command) -> list[str]:
    """Return the least that the command asks for, with no question back."""
    given: list[str] = []
    for parameter in command.params:
        is_file = isinstance(parameter.type, click.Path)
        if isinstance(parameter, click.Argument):
            given.append("a.md" if is_file else "t")
        elif parameter.name == "yes":
            given.append("--yes")
        elif parameter.name == "port":
            given += ["--port", str(free_port())]
        elif parameter.name == "docs":
            given += ["--docs", "a.md"]
        elif parameter.required:
            given += [parameter.opts[0], "rows.jsonl" if is_file else "1"]
    return given


@pytest.mark.parametrize("name", sorted(COMMANDS.keys() - NEEDS_NONE.keys()))
def test_without_a_redis_each_command_says_so_and_how_to_start_one(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.md").write_text("# Fees\n\nThe monthly fee of the Blue Account is $15.")
    (tmp_path / "rows.jsonl").write_text(json.dumps(ROW))
    (tmp_path / "langgraph.json").write_text("{}")
    done = run(
        tmp_path,
        NOBODY,
        *name.split(),
        *arguments(COMMANDS[name]),
        *ASKED_FOR.get(name, []),
        "--json",
        given="Hello?\n",
    )
    assert_one_line(done, "Redis cannot be reached", "Fix: check TWINTRACK_REDIS__URL")
    assert "Redis cannot be reached" in json.loads(done.stdout)["error"]


def test_the_doctor_reports_it_among_its_findings(tmp_path: Path) -> None:
    done = run(tmp_path, NOBODY, "doctor", "--json")
    assert (done.returncode, done.stderr) == (1, "")
    assert "Redis cannot be reached" in done.stdout


def test_the_commands_that_need_none_exist() -> None:
    assert NEEDS_NONE.keys() <= COMMANDS.keys()


WALL = """
import asyncio
from types import SimpleNamespace
from twintrack.app.auth import Refused, threads

class User(dict):
    identity = "ann"

async def ask():
    try:
        await threads(SimpleNamespace(user=User(), action="read"), {"thread_id": "t"})
    except Refused as refused:
        print(refused.status_code, refused.detail)

asyncio.run(ask())
"""


def test_the_servers_walls_say_that_it_is_away_rather_than_break(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WALL],
        cwd=tmp_path,
        env=environment(NOBODY, {}),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.stdout.startswith("503 Redis cannot be reached"), done.stderr
    assert "Fix:" in done.stdout
