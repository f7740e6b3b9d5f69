"""`twintrack bench memory` prints every figure that is read of it, and leaves nothing behind."""

import json
from pathlib import Path
from typing import cast

import pytest
from redis import Redis

from tests.commands import run

PEERS = {"redisvl VectorQuery", "InMemoryStore"}


@pytest.mark.slow
def test_it_prints_figures_beside_both_peers_and_leaves_nothing_behind(clean: str, tmp_path: Path) -> None:
    small = ("--records", "40", "--users", "3", "--questions", "5", "--rounds", "2")
    done = run(tmp_path, clean, "bench", "memory", *small, "--json")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert (figures["records"], figures["users"], figures["rounds_done"]) == (40, 3, 2)
    for spread in (figures["recall_ms"], figures["recall_with_embedding_ms"], *figures["peers"].values()):
        assert 0 < spread["p50"] <= spread["p95"] <= spread["p99"]
    for name in ("peers", "peers_cpu_ms", "ratio", "ratio_cpu", "ratio_with_embedding"):
        assert figures[name].keys() == PEERS
    assert all(ratio > 0 for ratio in figures["ratio"].values())
    with Redis.from_url(clean) as redis:
        assert list(redis.scan_iter(match="*bench*")) == []
        assert b"bench" not in b" ".join(cast(list[bytes], redis.execute_command("FT._LIST")))
