"""How versions, what changed between two of them and what tools did are shown to people."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from twintrack.app.screen import heading, say
from twintrack.memory.ledger_rows import ToolCallRecord
from twintrack.memory.version import Version

_USUAL = frozenset({"input", "loop"})
"""Sources that say nothing a reader of the table asks for."""
_WHOLE = frozenset({"version", "step", "when", "tokens", "number"})
_PLAIN = frozenset({"when", "route", "source"})
"""What is known without its column's name."""
_ANY_WIDTH = 10_000
_CHARS = 200
_NOTHING: tuple[Any, ...] = ("", [], {}, None)
_SIGNS = {"added": "+", "removed": "-", "changed": "~"}


def print_versions(console: Console, versions: Sequence[Version]) -> None:
    """Print the versions, newest first: as a table, or each on lines of its own where a table would be cut."""
    columns, actors = _columns(versions), {version.actor for version in versions}
    marks = [">" if version.is_head else "" for version in versions]
    table = _table(columns, marks)
    if Measurement.get(console, console.options.update(max_width=_ANY_WIDTH), table).minimum <= console.width:
        console.print(table)
    else:
        _print_apart(console, columns, marks)
    if len(actors) == 1 and (actor := actors.pop()):
        say(console, f"all by {actor}", "dim italic")


def _print_apart(console: Console, columns: dict[str, list[str]], marks: Sequence[str]) -> None:
    """Print each version's id, which a person copies, and below it what else is known."""
    ids = columns.pop("version")
    for place, mark in enumerate(marks):
        say(console, f"{mark:<2}{ids[place]}", "bold" if mark else "")
        known = {name: cells[place] for name, cells in columns.items() if cells[place]}
        told = " · ".join(text if name in _PLAIN else f"{name} {text}" for name, text in known.items())
        console.print(Padding(Text(told, style="dim"), (0, 0, 0, 2)))


def _columns(versions: Sequence[Version]) -> dict[str, list[str]]:
    return {
        "version": [version.id for version in versions],
        "step": [str(version.step) for version in versions],
        "when": [_moment(version.created_at) for version in versions],
        "next": [", ".join(version.next) for version in versions],
        "route": [version.route for version in versions],
        "tokens": [str(version.tokens or "") for version in versions],
        "who": _unless_all_same([version.actor for version in versions]),
        "source": ["" if version.source in _USUAL else version.source for version in versions],
        "name": [version.name for version in versions],
        "why": [version.reason for version in versions],
    }


def call_table(calls: Sequence[ToolCallRecord]) -> Table:
    """Return tool calls as a table, oldest first."""
    columns: dict[str, list[str]] = {
        "number": [str(call.number) for call in calls],
        "when": [_moment(call.started_at) for call in calls],
        "tool": [call.tool for call in calls],
        "agent": [call.agent for call in calls],
        "state": [call.state for call in calls],
        "arguments": [call.arguments for call in calls],
        "reused": [str(call.replays or "") for call in calls],
    }
    return _table(columns, ["!" if call.state == "unknown" else "" for call in calls])


def print_version(console: Console, version: Version, values: Mapping[str, Any]) -> None:
    """Print one version: what is known of it, and the state."""
    skipped = {"already_done", "is_head", "usage"}
    for name, value in version.to_json().items():
        if value and name not in skipped:
            say(console, f"{name.replace('_', ' '):>15}  {_line(value)}")
    heading(console, "State")
    for channel, value in ((channel, value) for channel, value in values.items() if value not in _NOTHING):
        for line in _lines(value):
            say(console, f"{channel}: {line}")


def print_calls(console: Console, title: str, calls: Sequence[ToolCallRecord]) -> None:
    """Print tool calls, where there are any."""
    if calls:
        heading(console, title)
        console.print(call_table(calls))


def print_changes(console: Console, changes: Mapping[str, Any]) -> None:
    """Print what differs, channel by channel."""
    if not changes:
        say(console, "Nothing differs.")
    for channel, change in changes.items():
        heading(console, channel)
        if "added" not in change:
            say(console, f"- {_line(change['before'])}")
            say(console, f"+ {_line(change['after'])}")
            continue
        for kind, sign in _SIGNS.items():
            for message in change[kind]:
                say(console, f"{sign} {_said(message)}")


def _said(message: Mapping[str, Any]) -> str:
    if "before" in message:
        return f"{message['id']}: {_line(message['before'])} → {_line(message['after'])}"
    return f"{message['type']}: {_line(message['content'])}"


def _lines(value: Any) -> Iterator[str]:
    is_talk = isinstance(value, list) and value and all(isinstance(one, dict) and "content" in one for one in value)
    yield from (_said(message) for message in value) if is_talk else [_line(value)]


def _line(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    text = " ".join(text.split())
    return text if len(text) <= _CHARS else text[: _CHARS - 1] + "…"


def _table(columns: Mapping[str, list[str]], marks: Sequence[str]) -> Table:
    shown = {name: cells for name, cells in columns.items() if any(cells)}
    table = Table("", box=None, pad_edge=False)
    for name in shown:
        table.add_column(name, no_wrap=name in _WHOLE, min_width=36 if name == "version" else None)
    for place, mark in enumerate(marks):
        table.add_row(mark, *(escape(cells[place]) for cells in shown.values()))
    return table


def _unless_all_same(cells: list[str]) -> list[str]:
    return [""] * len(cells) if len(set(cells)) == 1 else cells


def _moment(created_at: str) -> str:
    return datetime.fromisoformat(created_at).astimezone().strftime("%m-%d %H:%M:%S")
