"""Fixtures of tests that run whole commands."""

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from tests.commands import run
from tests.embedded import pid_of
from twintrack.core.embedded_redis import EmbeddedRedis


@pytest.fixture
def clean(redis_url: str) -> Iterator[str]:
    """Give the URL of the test's Redis and empty it afterwards."""
    yield redis_url
    with Redis.from_url(redis_url) as client:
        client.flushall()


@pytest.fixture
def filled(clean: str, tmp_path: Path) -> str:
    """Give a Redis that holds the one document in the folder's `docs`."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "fees.md").write_text("# Fees\n\nThe monthly fee of the Blue Account is $15.\n")
    assert run(tmp_path, clean, "ingest", "docs").returncode == 0
    return clean


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    """Give a data folder; a server left behind in it is stopped."""
    yield tmp_path
    EmbeddedRedis(tmp_path).leave()
    with contextlib.suppress(OSError):
        os.kill(pid_of(tmp_path), signal.SIGKILL)
