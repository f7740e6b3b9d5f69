"""Bad input ends the program with one line that holds the fix, an open application with one error, and loses nothing."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from redis import Redis

from tests.commands import assert_one_line, run, run_process
from tests.integration.test_redis_check import old_server
from twintrack import Settings, TwintrackError, open_app
from twintrack.core.settings import load_settings

QUESTION = "What is the monthly fee of the Blue Account?"
HUGE = "why " * 262_144


@dataclass(frozen=True)
class Fault:
    """What is wrong, and the words that the one line must hold."""

    words: tuple[str, ...]
    command: tuple[str, ...] = ("ask", QUESTION)
    url: str = ""
    variables: dict[str, str] = field(default_factory=dict)
    files: dict[str, str | bytes] = field(default_factory=dict)
    given: str = ""


FAULTS = {
    "no Redis": Fault(("Redis cannot be reached", "TWINTRACK_REDIS__URL"), url="redis://127.0.0.1:1/0"),
    "a wrong password": Fault(("password",), url="wrong"),
    "an old Redis": Fault(("6.2.14", "use Redis 8"), url="old"),
    "a broken PDF": Fault(("a.pdf", "broken or locked"), ("ingest", "bad"), files={"bad/a.pdf": b"%PDF-1.4 broken"}),
    "an empty folder": Fault(("no file that can be read",), ("ingest", "empty"), files={"empty/": ""}),
    "an unreadable file": Fault(("check the file",), ("ingest", "link.md"), files={"link.md": "-> /proc/self/mem"}),
    "a bad model name": Fault(("provider:model",), variables={"TWINTRACK_MODELS__ANSWERER": "nonsense"}),
    "no key": Fault(("Set OPENAI_API_KEY",), variables={"TWINTRACK_MODELS__ANSWERER": "openai:gpt-4.1-mini"}),
    "an unknown thread": Fault(("no thread 'nowhere'",), ("ask", "--resume", "nowhere")),
    "a question of a megabyte": Fault(("too long", "shorten"), ("ask", "-"), given=HUGE),
    "no YAML": Fault(("twintrack.yaml", "correct that line"), files={"twintrack.yaml": "redis: [a"}),
    "an .env of bytes": Fault(("readable UTF-8",), files={".env": b"A=\xff\xfe\x00\n"}),
    "an unknown section": Fault(("modelz", "did you mean models?"), files={"twintrack.yaml": "modelz: {}"}),
    "an unknown agent": Fault(("nobody",), files={"twintrack.yaml": "team: {agents: {nobody: {seconds: 5}}}"}),
}


def _lay(folder: Path, fault: Fault) -> None:
    for name, content in fault.files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("/"):
            place.mkdir()
        elif isinstance(content, bytes):
            place.write_bytes(content)
        elif content.startswith("-> "):
            place.symlink_to(content.removeprefix("-> "))
        else:
            place.write_text(content)


def _held(url: str) -> dict[bytes, bytes | None]:
    with Redis.from_url(url) as client:
        return {key: client.dump(key) for key in client.scan_iter()}


def _url(fault: Fault, filled: str, old: str) -> str:
    named = {"": filled, "wrong": filled.replace("//:", "//:wrong", 1), "old": old}
    return named.get(fault.url, fault.url)


@pytest.mark.parametrize(
    ("name", "runs"),
    [
        *((name, run) for name in FAULTS),
        *(pytest.param(name, run_process, marks=pytest.mark.slow) for name in ("no Redis", "an .env of bytes")),
    ],
)
async def test_the_program_says_it_in_one_line_with_the_fix(
    filled: str, tmp_path: Path, name: str, runs: Callable[..., CompletedProcess[str]]
) -> None:
    fault, before = FAULTS[name], _held(filled)
    _lay(tmp_path, fault)
    async with old_server("6.2.14", speaks_resp3=True) as old:
        url = _url(fault, filled, old)
        done = await asyncio.to_thread(
            lambda: runs(tmp_path, url, *fault.command, given=fault.given, **fault.variables)
        )
    assert done.stdout == ""
    assert_one_line(done, *fault.words)
    assert "Fix:" in done.stderr or "Please" in done.stderr
    assert before.items() <= _held(filled).items()


@pytest.mark.parametrize("name", FAULTS)
async def test_an_application_raises_it_as_one_error_with_the_fix(
    filled: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    fault, before = FAULTS[name], _held(filled)
    _lay(tmp_path, fault)
    monkeypatch.chdir(tmp_path)
    for key in [*filter(lambda key: key.startswith(("TWINTRACK_", "OPENAI_")), os.environ)]:
        monkeypatch.delenv(key)
    async with old_server("6.2.14", speaks_resp3=True) as old:
        monkeypatch.setenv("TWINTRACK_REDIS__URL", _url(fault, filled, old))
        for key, value in fault.variables.items():
            monkeypatch.setenv(key, value)
        said = await _said(fault, load_settings)
    assert "\n" not in said
    assert all(word in said for word in fault.words)
    assert before.items() <= _held(filled).items()


async def _said(fault: Fault, settings: Any) -> str:
    """Do what the command does by the application's own calls; return what went wrong."""
    try:
        tree: Settings = settings()
        async with open_app(tree) as app:
            match fault.command:
                case ("ingest", path):
                    report = await app.corpus.ingest([path])
                    return f"{report.failed[0].problem} Fix: {report.failed[0].fix}"
                case ("ask", "--resume", thread):
                    answer = await app.resume(thread)
                case (_, question):
                    answer = await app.ask(fault.given or question)
        assert answer.status == "refused"
        return answer.text
    except TwintrackError as error:
        return str(error)
