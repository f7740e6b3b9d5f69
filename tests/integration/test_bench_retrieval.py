"""`twintrack bench retrieval` prints every figure that is read of it, and no warning of a peer's that it means to provoke."""

import json
from pathlib import Path

import pytest

from tests.commands import run


@pytest.mark.slow
def test_it_prints_figures_and_nothing_on_standard_error(clean: str, tmp_path: Path) -> None:
    small = ("--chunks", "100", "--questions", "20", "--rounds", "1")
    done = run(tmp_path, clean, "bench", "retrieval", *small, "--json")
    assert done.returncode == 0
    figures = json.loads(done.stdout)
    assert figures["chunks"] == 100
    spreads = [figures["recall_step_ms"], *figures["clients"].values(), *figures["peers"].values()]
    assert figures["clients"].keys() == {"1", "4", "16"}
    assert all(0 < spread["p50"] <= spread["p95"] <= spread["p99"] for spread in spreads)
    assert 0.9 <= figures["vector_recall@10"] <= 1
    assert 0.9 <= figures["recall@10"] <= 1
    assert "Warning" not in done.stderr


@pytest.mark.slow
def test_every_kind_of_index_tells_what_it_finds_and_costs(clean: str, tmp_path: Path) -> None:
    done = run(tmp_path, clean, "bench", "retrieval", "--kinds", "--chunks", "100", "--questions", "20", "--json")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures.pop("chunks") == 100
    assert figures.keys() == {"hnsw float32", "hnsw float16", "flat float32", "flat float16"}
    for figure in figures.values():
        assert 0.9 <= figure["recall@10"] <= 1
        assert 0 < figure["recall_step_ms"]["p50"] <= figure["recall_step_ms"]["p99"]
        assert figure["server_cpu_ms"] > 0
        assert figure["vectors_mb"] > 0
