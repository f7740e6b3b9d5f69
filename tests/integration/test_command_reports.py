"""What each command prints: one JSON object where asked, plain text in a pipe, and help that says what it does."""

import json
from pathlib import Path

import pytest

from tests.commands import ESCAPE, run
from twintrack.app.cli import COMMANDS


def test_every_command_that_reports_prints_one_json_object_and_plain_text_in_a_pipe(
    filled: str, tmp_path: Path
) -> None:
    asked = run(tmp_path, filled, "ask", "What is the monthly fee of the Blue Account?", "--thread", "t", "--json")
    answer = json.loads(asked.stdout)
    assert "$15" in answer["text"]
    commands = [
        ("ask", "What is the fee?", "--thread", "t"),
        ("doctor",),
        ("ingest", "docs"),
        ("memory", "list"),
        ("memory", "recall", "fee"),
        ("settings",),
        ("traces", "list"),
        ("traces", "modes"),
        ("traces", "modes", "--everyone"),
        ("traces", "show", answer["trace_id"]),
        ("versions", "list", "t"),
        ("versions", "save", "t", "good", "--version", answer["version"]),
        ("versions", "rollback", "t", answer["version"], "--reason", "r"),
        ("demo", "--docs", "docs"),
    ]
    for command in commands:
        told, shown = run(tmp_path, filled, *command, "--json"), run(tmp_path, filled, *command)
        assert isinstance(json.loads(told.stdout), dict), command
        assert (told.returncode, shown.returncode) == (0, 0), (command, shown.stderr)
        assert ESCAPE not in told.stdout + shown.stdout + shown.stderr, command
        assert shown.stdout.strip(), command
    assert answer["version"] in run(tmp_path, filled, "versions", "list", "t").stdout


def test_the_demo_asks_what_the_folder_can_answer_and_cites_it_from_here(filled: str, tmp_path: Path) -> None:
    (tmp_path / "docs" / "wires.md").write_text("# Wires\n\nA wire to another country costs $25.\n")
    shown = run(tmp_path, filled, "demo", "--docs", "docs").stdout
    assert "What does Fees say about monthly fee of the Blue Account?" in shown
    assert "The monthly fee of the Blue Account is $15. [1]" in shown
    assert "A wire to another country costs $25." in shown
    assert "17 * 23 + 5 = 396" in shown
    assert "[1] docs/fees.md:3" in shown
    assert "IngestReport" not in shown
    own = json.loads(
        run(tmp_path, filled, "demo", "--docs", "docs", "--direct", "What does a wire cost?", "--json").stdout
    )
    assert own["direct"]["question"] == "What does a wire cost?"
    assert own["ingest"]["skipped"] == 2


def test_the_demo_leaves_nothing_with_the_user(clean: str, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "wires.md").write_text("# Wires\n\nA wire to another country costs $25.\n")
    shown = run(tmp_path, clean, "demo", "--docs", "docs").stdout
    assert "chat --tenant demo" in shown
    question = "What does a wire to another country cost?"
    own = json.loads(run(tmp_path, clean, "ask", question, "--json").stdout)
    assert (own["status"], own["citations"]) == ("abstained", [])
    assert "$25" in json.loads(run(tmp_path, clean, "ask", question, "--tenant", "demo", "--json").stdout)["text"]


def test_the_demo_on_the_projects_own_docs_takes_both_tracks_and_answers_every_part(clean: str) -> None:
    root = Path(__file__).parents[2]
    told = json.loads(run(root, clean, "demo", "--json").stdout)
    assert (told["direct"]["route"], told["complex"]["route"]) == ("direct", "team")
    assert told["direct"]["status"] == told["complex"]["status"] == "answered"
    assert "lose nothing that was finished" in told["direct"]["text"]
    for part in ("stops when the last one leaves", "adds a version and deletes none", "396"):
        assert part in told["complex"]["text"]
    assert {step["status"] for step in told["complex"]["steps"]} == {"done"}


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_the_help_of_each_command_says_what_it_does(tmp_path: Path, command: str) -> None:
    done = run(tmp_path, "redis://127.0.0.1:1/0", command, "--help")
    assert done.returncode == 0
    assert "Usage: " in done.stdout
    summary = done.stdout.split("\n\n")[1].strip()
    assert len(summary) > 20
    assert not done.stderr


@pytest.mark.parametrize("command", ["bench", "eval", "memory", "versions"])
def test_the_list_of_a_group_says_each_command_in_whole_sentences(tmp_path: Path, command: str) -> None:
    listed = run(tmp_path, "redis://127.0.0.1:1/0", command, "--help").stdout
    assert "..." not in listed.partition("Commands:")[2]
