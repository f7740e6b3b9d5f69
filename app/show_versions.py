"""`twintrack versions`: a thread's versions, for people and for programs."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import click

from twintrack.app import stopping
from twintrack.app.owner_options import owner_options
from twintrack.app.screen import screen
from twintrack.app.version_tables import print_calls, print_changes, print_version, print_versions
from twintrack.app.whole_help import WholeHelp
from twintrack.core.context import Identity
from twintrack.memory.version import Version
from twintrack.memory.versions import Versions

_DONE = "Tools had already done this after it; it is not undone, and going on does not do it again"


@click.group(cls=WholeHelp)
def command() -> None:
    """List, show, save, compare, roll back, fork and prune the versions of a thread.

    Each step of a turn leaves a version. A version is named by its id or by the name it was saved under; none is
    ever changed, and only `prune` and `delete` remove any.
    """


@command.command("list")
@click.argument("thread")
@click.option("--limit", type=click.IntRange(min=1), default=None, help="Newest versions only.")
@owner_options
def list_(thread: str, limit: int | None, user: str, tenant: str, as_json: bool) -> None:
    """List the versions of THREAD, newest first; > marks the one it goes on from."""
    found = _run(lambda versions: versions.list(thread, limit=limit, identity=Identity(tenant, user)))
    if as_json:
        _json({"versions": [version.to_json() for version in found]})
    else:
        print_versions(screen(), found)


@command.command()
@click.argument("thread")
@click.argument("version", default="")
@owner_options
def show(thread: str, version: str, user: str, tenant: str, as_json: bool) -> None:
    """Show VERSION of THREAD, the newest without it: its state, and what tools did outside from there on."""
    who = Identity(tenant, user)

    async def act(versions: Versions) -> tuple[Version, dict[str, Any], list[Any]]:
        found = await versions.get(thread, version, identity=who)
        state = await versions.state(thread, found.id, identity=who)
        return found, state, await versions.tool_calls(thread, found.id, identity=who)

    found, state, calls = _run(act)
    if as_json:
        told = {"version": found.to_json(), "state": state, "tool_calls": [call.to_json() for call in calls]}
        _json(told)
        return
    print_version(screen(), found, state)
    print_calls(screen(), "Tool calls from here on", calls)
    print_calls(screen(), _DONE, found.already_done)


@command.command()
@click.argument("thread")
@click.argument("to")
@click.option("--reason", required=True, help="Why; kept with the new version.")
@owner_options
def rollback(thread: str, to: str, reason: str, user: str, tenant: str, as_json: bool) -> None:
    """Let THREAD go on from version TO; nothing is deleted.

    What tools had already done outside after TO is listed. Going on does not do it again, unless the plan is another
    one.
    """
    who = Identity(tenant, user)
    version = _run(lambda versions: versions.rollback(thread, to, reason=reason, actor=user, identity=who))
    _told(version, f"Back at {to}; {thread} goes on from {version.id}.", as_json)
    if not as_json:
        print_calls(screen(), _DONE, version.already_done)


@command.command()
@click.argument("thread")
@click.argument("name")
@click.option("--version", default=None, help="Version to name; the newest without it.")
@owner_options
def save(thread: str, name: str, version: str | None, user: str, tenant: str, as_json: bool) -> None:
    """Give a version of THREAD the name NAME; a named version is never pruned."""
    saved = _run(lambda versions: versions.save(thread, name, version=version, identity=Identity(tenant, user)))
    _told(saved, f"Saved {saved.id} as {name}.", as_json)


@command.command()
@click.argument("thread")
@click.argument("a")
@click.argument("b")
@owner_options
def diff(thread: str, a: str, b: str, user: str, tenant: str, as_json: bool) -> None:
    """Show what changed in THREAD from version A to version B, channel by channel."""
    changes = _run(lambda versions: versions.diff(thread, a, b, identity=Identity(tenant, user)))
    if as_json:
        _json({"changes": changes})
    else:
        print_changes(screen(), changes)


@command.command()
@click.argument("thread")
@click.argument("to_thread")
@click.option("--version", default=None, help="Version the copy goes on from; the newest without it.")
@owner_options
def fork(thread: str, to_thread: str, version: str | None, user: str, tenant: str, as_json: bool) -> None:
    """Copy THREAD with its versions to the new thread TO_THREAD."""
    who = Identity(tenant, user)
    begun = _run(lambda versions: versions.fork(thread, to_thread, version, identity=who))
    _told(begun, f"{to_thread} begins where {thread} {'stood at ' + version if version else 'stands'}.", as_json)


@command.command()
@click.argument("thread")
@click.option("--keep", type=click.IntRange(min=1), required=True, help="Newest versions that stay.")
@owner_options
def prune(thread: str, keep: int, user: str, tenant: str, as_json: bool) -> None:
    """Remove all but the newest versions of THREAD; named ones and questions to a person stay."""
    count = _run(lambda versions: versions.prune(thread, keep, identity=Identity(tenant, user)))
    if as_json:
        _json({"removed": count})
    else:
        click.echo(f"Removed {count} versions of {thread}.")


@command.command()
@click.argument("thread")
@click.option("--forget", is_flag=True, help="Also what was learnt on it: facts and episodes.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@owner_options
def delete(thread: str, forget: bool, yes: bool, user: str, tenant: str, as_json: bool) -> None:
    """Remove THREAD with all its versions, for good; what was learnt on it stays in memory."""
    if not yes:
        click.confirm(f"Remove {thread} and all its versions, for good?", abort=True, err=True)
    _run(lambda versions: versions.delete(thread, forget=forget, identity=Identity(tenant, user)))
    if as_json:
        _json({"deleted": thread})
    else:
        click.echo(f"Deleted {thread}.")


def _run(act: Callable[[Versions], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        from twintrack.app.assemble import open_versions

        async with open_versions() as versions:
            return await act(versions)

    return stopping.run(run())


def _told(version: Version, line: str, as_json: bool) -> None:
    if as_json:
        _json({"version": version.to_json()})
    else:
        click.echo(line)


def _json(value: dict[str, Any]) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, default=str))
