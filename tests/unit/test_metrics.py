"""Metrics beside logs: what left the usual, when, and how that lies to the first error."""

import json
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.test_logs import SHOP, said
from twintrack.nodes.anomalies import Anomaly, anomalies
from twintrack.nodes.metrics import Series, read_metrics

START = datetime(2026, 3, 1, 9, 50)
MINUTES = [START + timedelta(minutes=minute) for minute in range(30)]
POOL = [40 + 3 * math.sin(minute) + (50 if minute >= 13 else 0) for minute in range(30)]
"""Taken connections: from 10:03 on the pool is full."""
IDLE = [5 + math.sin(2 * minute) for minute in range(30)]


def csv_of(folder: Path) -> Path:
    rows = (f"{at.isoformat()}Z,{pool:.1f},{idle:.2f},eu" for at, pool, idle in zip(MINUTES, POOL, IDLE, strict=True))
    return written(folder / "db.csv", "\n".join(["time,pool_used,idle,zone", *rows]))


def jsonl_of(folder: Path) -> Path:
    rows = (
        json.dumps({"ts": at.isoformat(), "name": "pool_used", "value": value})
        for at, value in zip(MINUTES, POOL, strict=True)
    )
    return written(folder / "db.jsonl", "\n".join(["{bad", *rows]))


def range_of(folder: Path) -> Path:
    values = [[at.replace(tzinfo=UTC).timestamp(), str(value)] for at, value in zip(MINUTES, POOL, strict=True)]
    answer = {"data": {"result": [{"metric": {"__name__": "pool_used", "job": "db"}, "values": values}]}}
    return written(folder / "db.json", json.dumps(answer))


def prometheus_of(folder: Path) -> Path:
    lines = ["# HELP pool_used Taken connections", "# TYPE pool_used gauge", "up 1"]
    for at, value in zip(MINUTES, POOL, strict=True):
        lines.append(f'pool_used{{job="db"}} {value} {int(at.replace(tzinfo=UTC).timestamp() * 1000)}')
    return written(folder / "db.prom", "\n".join(lines))


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


@pytest.mark.parametrize("make", [csv_of, jsonl_of, range_of, prometheus_of])
def test_a_pool_that_fills_up_is_found_in_every_form(make: Any, tmp_path: Path) -> None:
    (found,) = anomalies(read_metrics([make(tmp_path)]))
    assert "pool_used" in found.name
    assert (found.at, found.lasting) == (datetime(2026, 3, 1, 10, 3), True)
    assert found.usual == pytest.approx(40, abs=3)
    assert found.value == pytest.approx(90, abs=3)


def series(*values: float) -> list[Series]:
    return [Series("m", tuple(MINUTES[: len(values)]), values)]


def test_a_single_spike_is_no_change_of_level() -> None:
    (found,) = anomalies(series(5, 6, 5, 6, 5, 97, 6, 5, 6, 5, 6, 5))
    assert found == Anomaly("m", MINUTES[5], 5.5, 97.0, lasting=False, score=found.score)


@pytest.mark.parametrize(
    "values", [(1.0,) * 20, tuple(IDLE), (1, 100, 1), (0, 1) * 10, tuple(float(place) for place in range(20))]
)
def test_what_is_steady_swings_grows_evenly_or_is_too_short_is_not_strange(values: tuple[float, ...]) -> None:
    assert anomalies(series(*values)) == []


def test_the_three_strongest_are_told_the_earliest_first() -> None:
    many = [
        Series(str(size), tuple(MINUTES[:12]), (*[1.0] * place, *[1.0 + size] * (12 - place)))
        for place, size in enumerate((9, 50, 3, 20, 5), 4)
    ]
    assert [one.name for one in anomalies(many)] == ["9", "50", "20"]


@given(st.lists(st.floats(-1e6, 1e6), max_size=30))
def test_no_numbers_break_the_search(values: list[float]) -> None:
    assert len(anomalies(series(*values))) <= 1


async def test_the_report_sets_the_metric_beside_the_first_error_in_the_language_of_the_task(tmp_path: Path) -> None:
    files = [written(tmp_path / "shop.log", SHOP), csv_of(tmp_path)]
    english = await said(files, "What is wrong with the shop?")
    assert english.startswith("First error: 2026-03-01 10:05:00 db: no connection")
    assert "Metric db: pool_used changed at 2026-03-01 10:03:00 from about 40" in english
    assert english.endswith(", 120 s before the first error.")
    assert "早于首个错误120秒。" in await said(files, "商店的日志里出了什么问题？")


async def test_metrics_alone_are_told_too_and_broken_files_hold_none(tmp_path: Path) -> None:
    found = await said([csv_of(tmp_path)], "What is wrong?")
    assert found.startswith("The logs report no error.\nMetric db: pool_used changed")
    broken = [
        written(tmp_path / f"a.{kind}", text) for kind, text in (("json", "{"), ("csv", "a,b\n1"), ("prom", "up 1"))
    ]
    assert read_metrics(broken) == []
