"""`twintrack traces modes`: how the ways through the graph compare, from the turns that are kept."""

import json
from collections.abc import Sequence
from dataclasses import asdict

import click
from rich.table import Table

from twintrack.app import stopping
from twintrack.app.owner_options import owner_options
from twintrack.app.screen import screen
from twintrack.core.context import Identity
from twintrack.core.redis_client import RedisSource
from twintrack.core.redis_errors import translated
from twintrack.core.settings import load_settings
from twintrack.core.trace_modes import Mode, modes
from twintrack.core.trace_tree import duration
from twintrack.core.traces import TraceStore

_COLUMNS = ("way", "pattern", "turns", "answered", "degraded", "failed", "p50", "p95", "tokens", "coordination", "high")


@click.command("modes")
@click.option("--everyone", is_flag=True, help="The turns of all users of the tenant.")
@owner_options
def modes_(everyone: bool, user: str, tenant: str, as_json: bool) -> None:
    """Compare the ways through the graph: outcomes, time, tokens and what coordinating took."""
    rows = stopping.run(read_modes(Identity(tenant, user), everyone=everyone))
    if as_json:
        click.echo(json.dumps({"modes": [asdict(row) for row in rows]}, ensure_ascii=False))
    elif rows:
        screen().print(mode_table(rows))
    else:
        click.echo("No trace is kept yet: ask something, or see the setting tracing.keep_local.")


async def read_modes(identity: Identity, *, everyone: bool = False) -> list[Mode]:
    """Return how the modes did in the kept turns of a user, or of the whole tenant."""
    source = RedisSource(load_settings().redis)
    store = TraceStore(source)
    try:
        async with translated():
            users = await store.users(identity.tenant_id) if everyone else [identity.user_id]
            return modes([one for user in users for one in await store.list(Identity(identity.tenant_id, user))])
    finally:
        await source.aclose()


def mode_table(rows: Sequence[Mode]) -> Table:
    """Return the modes for a terminal."""
    table = Table(*_COLUMNS, box=None, pad_edge=False)
    for row in rows:
        share = "" if row.coordination is None else f"{row.coordination:.0%}"
        counts = (row.turns, row.statuses.get("answered", 0), row.degraded, row.failed)
        times = (duration(row.seconds_p50), duration(row.seconds_p95))
        table.add_row(
            row.way, row.pattern, *map(str, counts), *times, f"{row.tokens:g}", share, str(row.coordination_high)
        )
    return table
