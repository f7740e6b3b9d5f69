"""Reads series of numbers out of CSV, JSON and Prometheus text files."""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from twintrack.nodes.logs import lines_of, moment_in

_TIMES = ("time", "timestamp", "ts", "date", "datetime", "@timestamp")
_NAMES = ("metric", "name")
_SAMPLE = re.compile(r"^([a-zA-Z_:][\w:]*(?:\{[^}]*\})?)\s+(\S+)\s+(-?\d+(?:\.\d+)?)\s*$")
_MILLISECONDS = 1e11
"""A larger number of a time counts milliseconds."""
Sample = tuple[str, datetime, float]


@dataclass(frozen=True, slots=True)
class Series:
    """One metric over time."""

    name: str
    times: tuple[datetime, ...]
    values: tuple[float, ...]


def read_metrics(files: Iterable[Path]) -> list[Series]:
    """Return the series of all files that hold some, each in the order of time."""
    found: dict[str, dict[datetime, float]] = {}
    for path in files:
        for name, at, value in _samples(path):
            found.setdefault(f"{path.stem}: {name}", {})[at] = value
    return [Series(name, *_in_order(points)) for name, points in found.items()]


def _in_order(points: dict[datetime, float]) -> tuple[tuple[datetime, ...], tuple[float, ...]]:
    times = tuple(sorted(points))
    return times, tuple(points[at] for at in times)


def _samples(path: Path) -> Iterator[Sample]:
    lines = lines_of(path)
    if path.suffix == ".csv":
        return _of_rows(csv.DictReader(io.StringIO("\n".join(lines))))
    if path.suffix == ".json":
        return _of_json("\n".join(lines))
    if path.suffix == ".jsonl":
        return _of_rows(row for line in lines if isinstance(row := _parsed(line), dict))
    return _of_exposition(lines) if path.suffix in (".prom", ".metrics", ".txt") else iter(())


def _of_rows(rows: Iterable[dict[Any, Any]]) -> Iterator[Sample]:
    """Read rows with a time: one metric by name and value, or one per column of numbers."""
    for row in rows:
        at = next((when for key in _TIMES if (when := _moment(row.get(key)))), None)
        if at is None:
            continue
        name = next((str(row[key]) for key in _NAMES if row.get(key)), "")
        columns = {name: row.get("value")} if name and "value" in row else row
        for column, value in columns.items():
            if column not in _TIMES and (number := _number(value)) is not None:
                yield str(column), at, number


def _of_json(text: str) -> Iterator[Sample]:
    """Read a list of rows, or what Prometheus answers to a query over a range."""
    found = _parsed(text)
    if isinstance(found, list):
        yield from _of_rows(row for row in found if isinstance(row, dict))
        return
    data = found.get("data") if isinstance(found, dict) else None
    for one in (data.get("result") or []) if isinstance(data, dict) else []:
        labels = dict(one.get("metric") or {})
        name = str(labels.pop("__name__", "value"))
        told = ",".join(f'{label}="{value}"' for label, value in sorted(labels.items()))
        for when, value in one.get("values") or []:
            if (at := _moment(when)) and (number := _number(value)) is not None:
                yield (f"{name}{{{told}}}" if told else name), at, number


def _of_exposition(lines: Iterable[str]) -> Iterator[Sample]:
    """Read lines of Prometheus text that carry a time."""
    for line in lines:
        if (sample := _SAMPLE.match(line)) is None:
            continue
        number, at = _number(sample[2]), _moment(float(sample[3]))
        if number is not None and at is not None:
            yield sample[1], at, number


def _moment(value: Any) -> datetime | None:
    if (number := _number(value)) is not None:
        try:
            return datetime.fromtimestamp(number / 1000 if number > _MILLISECONDS else number, UTC).replace(tzinfo=None)
        except (ValueError, OverflowError, OSError):
            return None
    return moment_in(value) if isinstance(value, str) else None


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if abs(number) < float("inf") else None


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
