"""`twintrack audit`: what was decided about tool calls, by which rule or by whom."""

import json
from dataclasses import asdict

import click
from rich.table import Table
from rich.text import Text

from twintrack.app import stopping
from twintrack.app.owner_options import owner_options
from twintrack.app.screen import screen
from twintrack.app.whole_help import WholeHelp
from twintrack.core.audit import Decision, RedisAudit
from twintrack.core.context import Identity
from twintrack.core.redis_client import RedisSource
from twintrack.core.redis_errors import translated
from twintrack.core.settings import load_settings

_COLUMNS = ("at", "agent", "tool", "decision", "by", "why", "thread", "user")


@click.group(cls=WholeHelp)
def command() -> None:
    """Show what was decided about tool calls."""


@command.command("list")
@click.option("--thread", default=None, help="Only calls on this thread.")
@click.option("--everyone", is_flag=True, help="Of the whole tenant, not of one user.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="How many, newest first.")
@owner_options
def list_(thread: str | None, everyone: bool, limit: int, user: str, tenant: str, as_json: bool) -> None:
    """List decisions, newest first; arguments are shown as a digest alone."""
    found = stopping.run(_read(Identity(tenant, user), thread, everyone, limit))
    if as_json:
        click.echo(json.dumps({"decisions": [asdict(one) for one in found]}, ensure_ascii=False))
    elif found:
        screen().print(_table(found))
    else:
        click.echo("No decision is kept: no tool was called yet, or see the setting audit.keep.")


async def _read(identity: Identity, thread: str | None, everyone: bool, limit: int) -> list[Decision]:
    settings = load_settings()
    source = RedisSource(settings.redis)
    try:
        async with translated():
            audit = RedisAudit(source, settings.audit)
            return await audit.list(identity, thread=thread, everyone=everyone, limit=limit)
    finally:
        await source.aclose()


def _table(found: list[Decision]) -> Table:
    table = Table(*_COLUMNS, box=None, pad_edge=False)
    for one in found:
        table.add_row(*(Text(str(getattr(one, name))) for name in _COLUMNS))
    return table
