"""Every fault a person can make at the command line is one line with the fix, and a failing exit."""

import asyncio
import json
import re
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.commands import assert_one_line, run
from tests.integration.test_redis_check import old_server
from tests.ports import free_port
from twintrack.app.testing import StubServer, fails

NOBODY = "redis://127.0.0.1:1/0"


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
    assert done.returncode == 1
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
        ({"TWINTRACK_MODELS__EMBEDDER": "nobody:model"}, "TWINTRACK_MODELS__EMBEDDER"),
        ({"TWINTRACK_MODELS__EMBEDDER": "openai:e"}, "provider's key"),
        ({"TWINTRACK_TEAM__LOGS": '["nowhere.log"]'}, "TWINTRACK_TEAM__LOGS"),
        ({"LANGFUSE_SAMPLE_RATE": "7"}, "LANGFUSE_SAMPLE_RATE"),
    ],
    ids=[
        "model without provider",
        "unknown provider",
        "no key",
        "misspelt variable",
        "wrong number",
        "unknown embedder",
        "embedder without key",
        "no such log",
        "Langfuse",
    ],
)
@pytest.mark.parametrize(
    "command", [("ask", "Hello?"), ("dev", "--port", str(free_port()))], ids=lambda command: command[0]
)
def test_a_wrong_setting_is_named_with_its_fix(
    clean: str, tmp_path: Path, command: tuple[str, ...], settings: dict[str, str], words: str
) -> None:
    (tmp_path / "langgraph.json").write_text("{}")
    assert_one_line(run(tmp_path, clean, *command, **settings), words, "Fix:")


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


def test_an_unknown_version_is_named(filled: str, tmp_path: Path) -> None:
    run(tmp_path, filled, "ask", "What is the fee?", "--thread", "t")
    done = run(tmp_path, filled, "versions", "rollback", "t", "1f000000-0000-6000-8000-000000000000", "--reason", "r")
    assert_one_line(done, "no version", "Fix:")


@pytest.mark.parametrize(
    "command",
    [
        ("ask",),
        ("frobnicate",),
        ("dev", "--port", "many"),
        ("dev", "--port", "99999"),
        ("ask", "--no", "x"),
        ("bench", "soak", "--people", "0"),
    ],
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


@pytest.mark.parametrize(("status", "words"), [(404, "the provider has no such model"), (401, "was refused")])
async def test_a_model_that_its_provider_turns_away_is_named_and_fails_the_command(
    filled: str, tmp_path: Path, status: int, words: str
) -> None:
    async with StubServer(lambda _: fails(status)) as server:
        wrong = {"TWINTRACK_MODELS__ANSWERER": "openai:gone", "TWINTRACK_MODELS__BASE_URL": server.base_url}
        asked = ("ask", "What is the monthly fee of the Blue Account?")
        shown = await asyncio.to_thread(lambda: run(tmp_path, filled, *asked, **wrong))
        told = await asyncio.to_thread(lambda: run(tmp_path, filled, *asked, "--json", **wrong))
        demo = await asyncio.to_thread(lambda: run(tmp_path, filled, "demo", "--docs", "docs", "--json", **wrong))
        doctor = await asyncio.to_thread(lambda: run(tmp_path, filled, "doctor", "--json", **wrong))
    for done in (shown, told, demo):
        assert_one_line(done, "openai:gone", words, "Fix:")
    assert "$15" in shown.stdout
    answer = json.loads(told.stdout)
    assert (answer["degraded"], "answered by quoting" in answer["reason"]) == (True, True)
    (found,) = [check for check in json.loads(doctor.stdout)["checks"] if check["check"] == "model: answerer"]
    assert (doctor.returncode, found["status"], words in found["found"]) == (1, "broken", True)


def test_a_model_that_fails_is_answered_by_a_labelled_answer(filled: str, tmp_path: Path) -> None:
    gone = {"TWINTRACK_MODELS__ANSWERER": "openai:m", "TWINTRACK_MODELS__BASE_URL": "http://127.0.0.1:1/v1"}
    done = run(tmp_path, filled, "ask", "What is the monthly fee?", "--json", TWINTRACK_MODELS__API_KEY="k", **gone)
    answer = json.loads(done.stdout)
    assert answer["degraded"] or answer["status"] != "answered"
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [(None, "There is no langgraph.json"), ("{", "cannot be read"), ("[]", "no JSON object")],
    ids=["missing", "not JSON", "a list"],
)
def test_dev_says_what_is_wrong_with_its_file(clean: str, tmp_path: Path, text: str | None, words: str) -> None:
    if text is not None:
        (tmp_path / "langgraph.json").write_text(text)
    assert_one_line(run(tmp_path, clean, "dev", "--port", str(free_port())), words, "Fix:")


def test_dev_says_that_its_port_is_taken_or_a_key_is_too_short(clean: str, tmp_path: Path) -> None:
    (tmp_path / "langgraph.json").write_text("{}")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run(tmp_path, clean, "dev", "--port", str(taken.getsockname()[1]))
    assert_one_line(done, "cannot be listened on", "--port")
    keys = {"TWINTRACK_SERVER__KEYS": '["short:ann"]'}
    assert_one_line(run(tmp_path, clean, "dev", "--port", str(free_port()), **keys), "shorter than 16", "Fix:")


def test_each_command_says_which_redis_runs_and_keeps_its_password(filled: str, tmp_path: Path) -> None:
    secret = urlsplit(filled).password
    assert secret
    for command in (("ask", "What is the fee?"), ("chat",), ("ingest", "docs")):
        done = run(tmp_path, filled, *command)
        assert re.fullmatch(r"Redis \d+\.\d+\.\d+ at unix://\S+\n", done.stderr), (command, done.stderr)
        assert secret not in done.stdout + done.stderr
        assert run(tmp_path, filled, *command, "--json").stderr == ""
