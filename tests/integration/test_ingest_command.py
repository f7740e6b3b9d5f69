"""`twintrack ingest` reports what it read, fails plainly where nothing could be, and survives Ctrl-C."""

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest
from redis import Redis

from tests.commands import PROGRAM, environment, run
from tests.waiting import PATIENCE_S

DOCUMENTS = 250
"""Enough that the first of them are stored long before the last is read, on the quickest machine."""


def test_it_prints_one_json_report(clean: str, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# Fees\n\nThe fee is $5.")
    (tmp_path / "b.pdf").write_bytes(b"%PDF nothing")
    done = run(tmp_path, clean, "ingest", ".", "--corpus", "command", "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 1
    assert (report["read"], len(report["failed"])) == (1, 1)


def test_files_of_other_kinds_and_guessed_encodings_are_told_and_are_no_failure(clean: str, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# Fees\n\nThe fee is $5.")
    (tmp_path / "x.bin").write_bytes(b"\x00")
    (tmp_path / "old.txt").write_bytes("广茂铁路全长四百公里。".encode("gbk"))
    done = run(tmp_path, clean, "ingest", ".", "--corpus", "command")
    assert done.returncode == 0
    assert "Passed over: 1 file of a kind" in done.stderr
    assert "old.txt tells no encoding and was read as gb18030. Fix: save it as UTF-8" in done.stderr


@pytest.mark.parametrize("as_json", [(), ("--json",)])
def test_nothing_to_read_is_one_plain_failure(clean: str, tmp_path: Path, as_json: tuple[str, ...]) -> None:
    done = run(tmp_path, clean, "ingest", ".", *as_json)
    assert done.returncode == 1
    assert "no file that can be read" in (done.stdout if as_json else done.stderr)
    assert "Traceback" not in done.stderr
    if as_json:
        json.loads(done.stdout)


@pytest.mark.slow
def test_ctrl_c_keeps_what_was_read(clean: str, tmp_path: Path) -> None:
    rows = [{"id": f"d{n}", "text": f"Document {n} speaks of topic {n}. " * 80} for n in range(DOCUMENTS)]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    command = ("ingest", ".", "--corpus", "stopped")
    started = subprocess.Popen(
        [*PROGRAM, *command], cwd=tmp_path, env=environment(clean, {}), stderr=subprocess.PIPE, text=True
    )
    with Redis.from_url(clean) as client:
        while started.poll() is None and not next(client.scan_iter("twintrack:corpus-documents:*stopped*"), None):
            time.sleep(0.02)
    started.send_signal(signal.SIGINT)
    _, errors = started.communicate(timeout=PATIENCE_S)
    assert started.returncode == 130
    assert "kept" in errors
    report = json.loads(run(tmp_path, clean, *command, "--json").stdout)
    assert report["read"] == DOCUMENTS
    assert report["skipped"] > 0
    assert report["replaced"] == 0
