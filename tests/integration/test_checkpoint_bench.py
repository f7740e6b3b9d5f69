"""`twintrack bench checkpoint` prints what it promises, and leaves nothing behind, also where it is stopped."""

import json
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.commands import PROGRAM, assert_one_line, environment, run
from tests.waiting import PATIENCE_S
from twintrack.bench.checkpoint import Plan, measure
from twintrack.bench.checkpoint_report import plot

pytestmark = pytest.mark.slow

LITTLE = ("bench", "checkpoint", "--rounds", "1", "--runs", "1", "--turns", "100", "--json")
SAVERS = {"AsyncRedisSaver", "AsyncSqliteSaver", "AsyncPostgresSaver", "InMemorySaver", "ours"}


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give a folder that other users may look into, as Postgres has to."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def servers_in(folder: Path) -> list[str]:
    running = [process.info["cmdline"] for process in psutil.process_iter(["cmdline"])]
    return [" ".join(words) for words in running if str(folder) in str(words)]


def left_in(folder: Path) -> list[str]:
    return [*servers_in(folder), *map(str, folder.iterdir())]


async def test_it_measures_and_draws_every_saver(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    said: list[tuple[int, int]] = []
    plan = Plan(rounds=1, runs=1, threads=(1, 4), turns=100)
    figures = await measure(plan, lambda done, total, _: said.append((done, total)))
    plot(figures, tmp_path / "figures.png")

    savers = SAVERS - set(figures["missing"])
    assert {"ours", "AsyncRedisSaver", "AsyncSqliteSaver", "InMemorySaver"} <= savers
    for name in ("overhead_ratio", "client_cpu_ms", "bytes_per_turn", "resume_ms", "small_get_ms", "small_get_cpu_ms"):
        assert set(figures[name]) == savers
    assert set(figures["runs_per_s"]) == {*savers, "none"}
    assert set(figures["overhead_ratio"]["ours"]) == set(figures["client_cpu_ms"]["ours"]) == {"sync", "async", "exit"}
    assert set(figures["runs_per_s"]["ours"]) == {"1", "4"}
    assert set(figures["bytes_per_turn"]["ours"]) == {"1-10", "51-100"}
    assert min(*figures["resume_ms"].values(), *figures["bytes_per_turn"]["ours"].values()) > 0
    assert json.loads(json.dumps(figures)) == figures
    assert said[-1][0] == said[-1][1] == len(said)
    assert (tmp_path / "figures.png").read_bytes().startswith(b"\x89PNG")
    assert left_in(folder) == []


KEYS = {"overhead_ratio", "runs_per_s", "resume_ms", "bytes_per_turn", "client_cpu_ms", "rounds_done", "missing"}


def test_the_command_prints_one_json_object_and_says_how_many_rounds_it_ran(tmp_path: Path) -> None:
    done = run(
        tmp_path, "", "bench", "checkpoint", "--quick", "--rounds", "1", "--runs", "1", "--turns", "100", "--json"
    )

    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures.keys() >= KEYS
    assert figures["rounds_done"] == len(figures["rounds"]["run_ms"]["ours"]["sync"]) == 1  # --quick alone: 2
    assert set(figures["bytes_per_turn"]["ours"]) == {"1-10", "51-100"}


def test_stopped_it_leaves_no_server_and_no_file(folder: Path, tmp_path: Path) -> None:
    settings = environment("", {"TMPDIR": str(folder)})
    long = ("bench", "checkpoint", "--rounds", "1000", "--runs", "10", "--turns", "100", "--json")
    with subprocess.Popen([*PROGRAM, *long], cwd=tmp_path, env=settings, stderr=subprocess.PIPE) as process:
        while process.poll() is None and not servers_in(folder):
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE_S)

    assert process.returncode == 130
    assert left_in(folder) == []


def test_a_picture_that_cannot_be_written_is_refused_before_anything_is_measured(tmp_path: Path) -> None:
    assert_one_line(run(tmp_path, "", "bench", "checkpoint", "--plot", "nowhere/figures.png"), "nowhere")


def test_a_postgres_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    nowhere = "postgresql://127.0.0.1:1/none"
    assert_one_line(run(tmp_path, "", "bench", "checkpoint", "--postgres", nowhere), "--postgres")
