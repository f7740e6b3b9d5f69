"""`twintrack ingest` reports what it read, fails plainly where nothing could be, and survives Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from redis import Redis

RUN = (sys.executable, "-c", "from twintrack.app.cli import main; main()", "ingest")


def run(redis_url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"TWINTRACK_REDIS__URL": redis_url}
    return subprocess.run([*RUN, *arguments], env=environment, capture_output=True, text=True, timeout=60)


def test_it_prints_one_json_report(redis_url: str, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# Fees\n\nThe fee is $5.")
    (tmp_path / "b.pdf").write_bytes(b"%PDF nothing")
    done = run(redis_url, str(tmp_path), "--corpus", "command", "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 0
    assert (report["read"], len(report["failed"])) == (1, 1)


@pytest.mark.parametrize("as_json", [(), ("--json",)])
def test_nothing_to_read_is_one_plain_failure(redis_url: str, tmp_path: Path, as_json: tuple[str, ...]) -> None:
    done = run(redis_url, str(tmp_path), *as_json)
    assert done.returncode == 1
    assert "no file that can be read" in (done.stdout if as_json else done.stderr)
    assert "Traceback" not in done.stderr
    if as_json:
        json.loads(done.stdout)


@pytest.mark.slow
def test_ctrl_c_keeps_what_was_read(redis_url: str, tmp_path: Path) -> None:
    rows = [{"id": f"d{n}", "text": f"Document {n} speaks of topic {n}. " * 80} for n in range(150)]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    environment = os.environ | {"TWINTRACK_REDIS__URL": redis_url}
    started = subprocess.Popen(
        [*RUN, str(tmp_path), "--corpus", "stopped"], env=environment, stderr=subprocess.PIPE, text=True
    )
    with Redis.from_url(redis_url) as client:
        while started.poll() is None and not next(client.scan_iter("twintrack:corpus-documents:*stopped*"), None):
            time.sleep(0.05)
    started.send_signal(signal.SIGINT)
    _, errors = started.communicate(timeout=30)
    assert started.returncode == 130
    assert "kept" in errors
    report = json.loads(run(redis_url, str(tmp_path), "--corpus", "stopped", "--json").stdout)
    assert report["read"] == 150
    assert report["skipped"] > 0
    assert report["replaced"] == 0
