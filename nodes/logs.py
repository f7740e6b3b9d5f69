"""Reads log files and tells what broke first, what followed, and when it was worst."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

from twintrack.core.errors import SettingsError

MAX_BYTES = 20_000_000
"""Of a longer file the end is read."""
_TIME = re.compile(r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?")
_LEVEL = re.compile(r"\b(FATAL|CRITICAL|ERROR|SEVERE|WARN(?:ING)?|INFO|DEBUG|TRACE)\b", re.IGNORECASE)
_COMPONENT = re.compile(r"^[\s\[\]|:-]*([A-Za-z][\w./-]*)[\]:|\s]")
_VARIABLE = re.compile(r"0x[0-9a-f]+|\b[0-9a-f]{8,}\b|\d+(?:\.\d+)*", re.IGNORECASE)
_ERRORS = frozenset({"FATAL", "CRITICAL", "ERROR", "SEVERE"})


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a log that has a time."""

    at: datetime
    level: str
    component: str
    text: str

    @property
    def wrong(self) -> bool:
        """Tell whether the line reports an error."""
        return self.level in _ERRORS

    @property
    def kind(self) -> str:
        """Return the message without what differs from case to case."""
        return _VARIABLE.sub("#", self.text)[:160]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What the errors of some logs have in common."""

    first: Event
    errors: int
    worst: tuple[datetime, int]
    """The minute with most errors."""
    kinds: list[tuple[str, int]]
    timeline: list[Event]
    """The first error of each component, in order: the first one is where to look."""
    before: list[Event]
    """Warnings of the minutes before the first error."""


def readable(files: Sequence[Path]) -> tuple[Path, ...]:
    """Return the files, once each could be opened.

    Raises:
        SettingsError: names the first that could not.
    """
    for path in files:
        _opened(path).close()
    return tuple(files)


def read_logs(files: Iterable[Path]) -> list[Event]:
    """Return the events of all files in the order of their times."""
    events = [event for path in files for line in lines_of(path) if (event := _event(line, path.stem))]
    return sorted(events, key=lambda event: event.at)


def diagnose(events: Sequence[Event]) -> Diagnosis | None:
    """Find the fault; None where nothing reports an error."""
    wrong = [event for event in events if event.wrong]
    if not wrong:
        return None
    minutes = Counter(event.at.replace(second=0, microsecond=0) for event in wrong)
    first_of: dict[str, Event] = {}
    for event in wrong:
        first_of.setdefault(event.component, event)
    first = wrong[0]
    before = [event for event in events if event.level == "WARN" and 0 <= (first.at - event.at).total_seconds() <= 300]
    kinds = Counter(f"{event.component}: {event.kind}" for event in wrong).most_common(5)
    return Diagnosis(first, len(wrong), minutes.most_common(1)[0], kinds, list(first_of.values()), before[-3:])


def lines_of(path: Path) -> list[str]:
    """Return the lines of a file, of a long one those at its end."""
    with _opened(path) as file:
        file.seek(max(0, path.stat().st_size - MAX_BYTES))
        return file.read().decode("utf-8", "replace").splitlines()


def _opened(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as error:
        raise SettingsError(
            f"{path} cannot be read as a log.", fix="name files that exist in TWINTRACK_TEAM__LOGS"
        ) from error


def _event(line: str, source: str) -> Event | None:
    if line.startswith("{"):
        return _from_json(line, source)
    time = _TIME.search(line)
    level = _LEVEL.search(line)
    if time is None or level is None:
        return None
    rest = line[max(time.end(), level.end()) :]
    named = _COMPONENT.match(rest)
    component = named[1] if named else source
    text = rest[named.end() :] if named else rest
    return Event(_moment(time[1]), _level(level[1]), component, text.strip(" :-]|"))


def _from_json(line: str, source: str) -> Event | None:
    try:
        row = json.loads(line)
    except ValueError:
        return None
    time = _TIME.search(str(row.get("time") or row.get("timestamp") or row.get("ts") or ""))
    if time is None:
        return None
    level = _level(str(row.get("level") or row.get("severity") or "INFO"))
    component = str(row.get("component") or row.get("service") or row.get("logger") or source)
    return Event(_moment(time[1]), level, component, str(row.get("message") or row.get("msg") or ""))


def _level(name: str) -> str:
    return "WARN" if name.upper() == "WARNING" else name.upper()


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace(" ", "T"))


def moment_in(text: str) -> datetime | None:
    """Return the first time in a text."""
    found = _TIME.search(text)
    return _moment(found[1]) if found else None
