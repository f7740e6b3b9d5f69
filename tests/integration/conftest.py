"""Fixtures of tests that run whole commands."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from tests.commands import run


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
