"""`twintrack bench retrieval` prints its figures, and no warning of a peer's that it means to provoke."""

import json
from pathlib import Path

import pytest

from tests.commands import run


@pytest.mark.slow
def test_it_prints_figures_and_nothing_on_standard_error(clean: str, tmp_path: Path) -> None:
    small = ("--chunks", "100", "--questions", "20", "--rounds", "1")
    done = run(tmp_path, clean, "bench", "retrieval", *small, "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["chunks"] == 100
    assert "Warning" not in done.stderr
