"""The command line as people meet it: one line for every fault, one JSON object where asked, plain text in a pipe."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from tests.commands import PROGRAM, environment, run
from tests.integration.test_redis_check import old_server
from twintrack.app.cli import COMMANDS

pytestmark = pytest.mark.slow

NOBODY = "redis://127.0.0.1:1/0"
ESCAPE = "\x1b"


@pytest.fixture
def clean(redis_url: str) -> Iterator[str]:
    """Give the URL of the test's Redis and empty it afterwards."""
    yield redis_url
    with Redis.from_url(redis_url) as client:
        client.flushall()


@pytest.fixture
def filled(clean: str, tmp_path: Path) -> str:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "fees.md").write_text("# Fees\n\nThe monthly fee of the Blue Account is $15.\n")
    assert run(tmp_path, clean, "ingest", "docs").returncode == 0
    return clean


def assert_one_line(done: subprocess.CompletedProcess[str], *words: str, code: int = 1) -> None:
    lines = done.stderr.strip().splitlines()
    assert (done.returncode, len(lines)) == (code, 1), done.stderr
    assert lines[0].startswith("twintrack: ")
    assert ESCAPE not in done.stderr
    for word in words:
        assert word in lines[0]


@pytest.mark.parametrize(
    "command",
    [
        ("ask", "Hello?"),
        ("chat",),
        ("demo", "--docs", "."),
        ("ingest", "."),
        ("memory", "list"),
        ("traces", "list"),
        ("versions", "list", "t"),
    ],
    ids=lambda command: command[0],
)
def test_without_a_redis_every_command_says_so_and_how_to_start_one(tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "a.md").write_text("Text.")
    done = run(tmp_path, NOBODY, *command, "--json", given="Hello?\n")
    assert_one_line(done, "Redis cannot be reached", "Fix: check TWINTRACK_REDIS__URL")
    assert "Redis cannot be reached" in json.loads(done.stdout)["error"]


def test_a_wrong_password_is_named(clean: str, tmp_path: Path) -> None:
    done = run(tmp_path, clean.replace("//:", "//:wrong", 1), "ask", "Hello?")
    assert_one_line(done, "password", "Fix:")


async def test_an_old_redis_is_refused(tmp_path: Path) -> None:
    async with old_server("6.2.14", speaks_resp3=True) as url:
        done = await asyncio.to_thread(run, tmp_path, url, "ask", "Hello?")
    assert_one_line(done, "6.2.14", "Fix: use Redis 8")


@pytest.mark.parametrize("name", ["ingest", "demo"])
@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: None, "no such file or folder"),
        (lambda folder: folder.mkdir(), "no file that can be read"),
        (lambda folder: (folder.mkdir(), (folder / "a.pdf").write_bytes(b"%PDF-1.4 broken")), "broken or locked"),
        (lambda folder: (folder.mkdir(), (folder / "a.md").symlink_to("/proc/self/mem")), "Fix: check the file"),
    ],
    ids=["missing", "empty", "a broken PDF", "an unreadable file"],
)
def test_a_folder_that_gives_nothing_is_one_plain_failure(
    clean: str, tmp_path: Path, name: str, make: Any, words: str
) -> None:
    make(tmp_path / "docs")
    arguments = (name, "--docs", "docs") if name == "demo" else (name, "docs")
    assert_one_line(run(tmp_path, clean, *arguments), words, "Fix:")


def test_one_broken_file_does_not_keep_the_others_out(clean: str, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.4 broken")
    (tmp_path / "b.md").write_text("# Fees\n\nThe fee is $5.")
    done = run(tmp_path, clean, "ingest", ".")
    assert done.returncode == 0
    assert "Read 1 document" in done.stdout
    assert "a.pdf" in done.stderr
    assert "Fix:" in done.stderr


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"TWINTRACK_MODELS__ANSWERER": "nonsense"}, "provider:model"),
        ({"TWINTRACK_MODELS__ANSWERER": "nobody:model"}, "nobody"),
        ({"TWINTRACK_MODELS__ANSWERER": "openai:gpt-4.1-mini"}, "Set OPENAI_API_KEY"),
        ({"TWINTRACK_MODELZ__ANSWERER": "x"}, "did you mean TWINTRACK_MODELS__ANSWERER?"),
        ({"TWINTRACK_BUDGETS__MAX_STEPS": "many"}, "TWINTRACK_BUDGETS__MAX_STEPS"),
    ],
    ids=["model without provider", "unknown provider", "no key", "misspelt variable", "wrong number"],
)
def test_a_wrong_setting_is_named_with_its_fix(
    clean: str, tmp_path: Path, settings: dict[str, str], words: str
) -> None:
    assert_one_line(run(tmp_path, clean, "ask", "Hello?", **settings), words, "Fix:")


@pytest.mark.parametrize("text", ["redis: [a", "redis: {urll: x}", "- a", "models: 5"])
def test_a_bad_settings_file_is_named(clean: str, tmp_path: Path, text: str) -> None:
    (tmp_path / "twintrack.yaml").write_text(text)
    assert_one_line(run(tmp_path, clean, "settings"), "Fix:")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("versions", "list", "nowhere"), "no thread 'nowhere'"),
        (("versions", "rollback", "nowhere", "1", "--reason", "r"), "no thread 'nowhere'"),
        (("traces", "show", "f00"), "No trace f00"),
        (("memory", "forget", "f00"), "f00"),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, tuple) else "",
)
def test_what_is_unknown_is_named(clean: str, tmp_path: Path, command: tuple[str, ...], words: str) -> None:
    assert_one_line(run(tmp_path, clean, *command), words, "Fix:")


@pytest.mark.parametrize(
    "command", [("ask",), ("frobnicate",), ("dev", "--port", "many"), ("dev", "--port", "99999"), ("ask", "--no", "x")]
)
def test_wrong_usage_is_one_line_that_names_the_help(tmp_path: Path, command: tuple[str, ...]) -> None:
    done = run(tmp_path, NOBODY, *command, "--json")
    assert_one_line(done, "--help", code=2)
    assert "error" in json.loads(done.stdout)


def test_an_empty_question_and_one_of_a_megabyte_are_refused_with_the_reason(filled: str, tmp_path: Path) -> None:
    assert_one_line(run(tmp_path, filled, "ask", " "), "empty")
    huge = run(tmp_path, filled, "ask", "-", "--json", given="why " * 262_144)
    assert huge.returncode == 1
    assert json.loads(huge.stdout)["status"] == "refused"
    assert_one_line(run(tmp_path, filled, "ask", "-", given="why " * 262_144), "too long")


def test_a_model_that_fails_is_answered_by_a_labelled_answer(filled: str, tmp_path: Path) -> None:
    gone = {"TWINTRACK_MODELS__ANSWERER": "openai:m", "TWINTRACK_MODELS__BASE_URL": "http://127.0.0.1:1/v1"}
    done = run(tmp_path, filled, "ask", "What is the monthly fee?", "--json", TWINTRACK_MODELS__API_KEY="k", **gone)
    answer = json.loads(done.stdout)
    assert answer["degraded"] or answer["status"] != "answered"
    assert "Traceback" not in done.stderr


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


def test_an_unknown_version_is_named(filled: str, tmp_path: Path) -> None:
    run(tmp_path, filled, "ask", "What is the fee?", "--thread", "t")
    done = run(tmp_path, filled, "versions", "rollback", "t", "1f000000-0000-6000-8000-000000000000", "--reason", "r")
    assert_one_line(done, "no version", "Fix:")


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


def test_the_demo_on_the_projects_own_docs_takes_both_tracks_and_answers_every_part(clean: str) -> None:
    root = Path(__file__).parents[2]
    told = json.loads(run(root, clean, "demo", "--json").stdout)
    assert (told["direct"]["route"], told["complex"]["route"]) == ("direct", "team")
    assert told["direct"]["status"] == told["complex"]["status"] == "answered"
    assert "lose nothing that was finished" in told["direct"]["text"]
    for part in ("stops when the last one leaves", "keeps everything in between", "396"):
        assert part in told["complex"]["text"]
    assert {step["status"] for step in told["complex"]["steps"]} == {"done"}


def test_a_chat_from_a_pipe_is_plain_and_survives_a_turn_that_fails(filled: str, tmp_path: Path) -> None:
    asked = "What is the monthly fee of the Blue Account?\n/nonsense\n/rollback 1f0\n/versions\n\n蓝色账户？\n"
    done = run(tmp_path, filled, "chat", "--thread", "t", given=asked)
    assert done.returncode == 0
    assert ESCAPE not in done.stdout + done.stderr
    assert "$15" in done.stdout
    assert "[1] docs/fees.md:3" in done.stdout
    assert "There is no /nonsense" in done.stdout
    assert "no version" in done.stdout
    assert "twintrack chat --thread t" in done.stdout
    told = json.loads(run(tmp_path, filled, "chat", "--json", given="What is the fee?\n\nAnd again?\n").stdout)
    assert len(told["answers"]) == 2


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_the_help_of_each_command_says_what_it_does(tmp_path: Path, command: str) -> None:
    done = run(tmp_path, NOBODY, command, "--help")
    assert done.returncode == 0
    assert "Usage: " in done.stdout
    summary = done.stdout.split("\n\n")[1].strip()
    assert len(summary) > 20
    assert not done.stderr


def test_the_help_of_the_program_loads_nothing_heavy(tmp_path: Path) -> None:
    code = "import sys; sys.argv=['twintrack','--help']\nfrom twintrack.app.cli import main\ntry: main()\nfinally: print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=30)
    assert "ingest" in done.stdout
    heavy = {"langgraph", "langchain_core", "redis", "redisvl", "numpy", "pydantic", "langfuse", "rich.live"}
    assert not heavy & set(done.stderr.split())


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
