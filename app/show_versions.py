"""`twintrack versions`: a thread's versions, for people and for programs."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from twintrack.app.screen import screen
from twintrack.core.context import Identity
from twintrack.memory.versions import Version, Versions

_USUAL = frozenset({"input", "loop"})
"""Sources that say nothing a reader of the table asks for."""
_WHOLE = frozenset({"version", "step", "when"})
_OPTIONS = (
    click.option("--user", default="local", show_default=True, help="Owner of the thread."),
    click.option("--tenant", default="default", show_default=True, help="Owner's tenant."),
    click.option("--json", "as_json", is_flag=True, help="Print one JSON object."),
)


def _owner_options(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in _OPTIONS:
        function = option(function)
    return function


@click.group()
def command() -> None:
    """List, save, compare and roll back the versions of a thread."""


@command.command("list")
@click.argument("thread")
@click.option("--limit", type=int, default=None, help="Newest versions only.")
@_owner_options
def list_(thread: str, limit: int | None, user: str, tenant: str, as_json: bool) -> None:
    """List the versions of THREAD, newest first."""
    found = _run(lambda versions: versions.list(thread, limit=limit, identity=Identity(tenant, user)))
    if as_json:
        _json({"versions": [version.to_json() for version in found]})
    else:
        screen().print(version_table(found))


@command.command()
@click.argument("thread")
@click.argument("to")
@click.option("--reason", required=True, help="Why; kept with the new version.")
@_owner_options
def rollback(thread: str, to: str, reason: str, user: str, tenant: str, as_json: bool) -> None:
    """Let THREAD go on from version TO; nothing is deleted."""
    who = Identity(tenant, user)
    version = _run(lambda versions: versions.rollback(thread, to, reason=reason, actor=user, identity=who))
    _told(version, f"Back at {to}; {thread} goes on from {version.id}.", as_json)


@command.command()
@click.argument("thread")
@click.argument("name")
@click.option("--version", default=None, help="Version to name; the newest without it.")
@_owner_options
def save(thread: str, name: str, version: str | None, user: str, tenant: str, as_json: bool) -> None:
    """Give a version of THREAD the name NAME."""
    saved = _run(lambda versions: versions.save(thread, name, version=version, identity=Identity(tenant, user)))
    _told(saved, f"Saved {saved.id} as {name}.", as_json)


@command.command()
@click.argument("thread")
@click.argument("a")
@click.argument("b")
@_owner_options
def diff(thread: str, a: str, b: str, user: str, tenant: str, as_json: bool) -> None:
    """Show what changed in THREAD from version A to version B."""
    changes = _run(lambda versions: versions.diff(thread, a, b, identity=Identity(tenant, user)))
    if as_json:
        _json({"changes": changes})
        return
    for channel, change in changes.items():
        click.echo(f"{channel}: {json.dumps(change, ensure_ascii=False, default=str)}")


@command.command()
@click.argument("thread")
@click.argument("to_thread")
@_owner_options
def fork(thread: str, to_thread: str, user: str, tenant: str, as_json: bool) -> None:
    """Copy THREAD with its versions to TO_THREAD."""
    version = _run(lambda versions: versions.fork(thread, to_thread, identity=Identity(tenant, user)))
    _told(version, f"{to_thread} begins where {thread} stands.", as_json)


def version_table(versions: Sequence[Version]) -> Table:
    """Return the versions as a table, newest first; columns in which nothing stands are left out."""
    columns: dict[str, list[str]] = {
        "version": [version.id for version in versions],
        "step": [str(version.step) for version in versions],
        "when": [_moment(version.created_at) for version in versions],
        "next": [", ".join(version.next) for version in versions],
        "source": ["" if version.source in _USUAL else version.source for version in versions],
        "name": [version.name or "" for version in versions],
        "why": [version.reason or "" for version in versions],
    }
    shown = {name: cells for name, cells in columns.items() if any(cells)}
    table = Table("", box=None, pad_edge=False)
    for name in shown:
        table.add_column(name, no_wrap=name in _WHOLE, min_width=36 if name == "version" else None)
    for place, version in enumerate(versions):
        table.add_row(">" if version.is_head else "", *(escape(cells[place]) for cells in shown.values()))
    return table


def _moment(created_at: str) -> str:
    return datetime.fromisoformat(created_at).astimezone().strftime("%m-%d %H:%M:%S")


def _run(act: Callable[[Versions], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        from twintrack.app.assemble import open_app

        async with open_app() as app:
            return await act(app.versions)

    return asyncio.run(run())


def _told(version: Version, line: str, as_json: bool) -> None:
    if as_json:
        _json({"version": version.to_json()})
    else:
        click.echo(line)


def _json(value: dict[str, Any]) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, default=str))
