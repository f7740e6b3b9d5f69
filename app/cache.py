"""`twintrack cache`: what is kept of answers and of agents' results, what that has saved, and how to empty it."""

import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import click
from rich.table import Table

from twintrack.app import stopping
from twintrack.app.screen import say, screen
from twintrack.app.whole_help import WholeHelp
from twintrack.core.answer_cache import forget_answers
from twintrack.core.answer_counts import CacheStats, clear_answers, read_stats
from twintrack.core.context import Identity
from twintrack.core.kept_vectors import VectorCounts, vector_counts
from twintrack.core.redis_client import RedisSource
from twintrack.core.redis_errors import translated
from twintrack.core.settings import Settings, load_settings

T = TypeVar("T")

_SWITCH = "The answer cache is off; TWINTRACK_CACHE__ENABLED=true switches it on."
_tenant = click.option("--tenant", default="default", show_default=True, help="Whose answers.")
_as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.group(cls=WholeHelp)
def command() -> None:
    """Show what is kept of answers and agents' results and has saved, or empty it."""


@command.command()
@_tenant
@_as_json
def stats(tenant: str, as_json: bool) -> None:
    """Show how many answers and agents' results are kept, how often they were given again, and what that saved."""
    settings = load_settings()
    found, vectors = _run(settings, lambda source: _both(source, tenant))
    if as_json:
        click.echo(
            json.dumps({"tenant": tenant, "enabled": settings.cache.enabled, **found, **vectors}, ensure_ascii=False)
        )
        return
    console = screen()
    console.print(_table(found, vectors))
    if not settings.cache.enabled:
        say(console, _SWITCH, "dim")


@command.command()
@click.option("--user", default=None, help="Only the answers that this user's turns left.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@_tenant
@_as_json
def clear(user: str | None, yes: bool, tenant: str, as_json: bool) -> None:
    """Drop a tenant's kept answers and agents' results, and begin counting anew; with --user those of one user alone."""
    whose = tenant if user is None else f"{tenant}/{user}"
    if not yes:
        click.confirm(f"Drop all kept answers of {whose}?", abort=True, err=True)

    async def act(source: RedisSource) -> int:
        if user is None:
            return await clear_answers(source, tenant)
        return await forget_answers(source.client(), Identity(tenant, user))

    count = _run(load_settings(), act)
    if as_json:
        click.echo(json.dumps({"cleared": count}))
    else:
        click.echo(f"Dropped {count} answers of {whose}.")


async def _both(source: RedisSource, tenant: str) -> tuple[CacheStats, VectorCounts]:
    return await read_stats(source, tenant), await vector_counts(source.client(), tenant)


def _table(found: CacheStats, vectors: VectorCounts) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    rows: dict[str, Any] = {
        "answers kept": f"{found['entries']}, {found['personal']} of them for one user alone",
        "given again": f"{found['hits']}: {found['hits_exact']} asked before, {found['hits_similar']} in other words",
        "not found": found["misses"],
        "hit rate": f"{found['hit_rate']:.1%}",
        "time saved": f"{found['saved_ms'] / 1000:.1f} s",
        "tokens saved": found["saved_tokens"],
        "agents' results kept": found["task_entries"],
        "tasks not done again": f"{found['task_hits']}, of {found['task_hits'] + found['task_misses']}",
        "time and tokens saved": f"{found['task_saved_ms'] / 1000:.1f} s, {found['task_saved_tokens']}",
        "texts read in": f"{vectors['vectors_made']} embedded, {vectors['vectors_reused']} with a vector kept from before",
    }
    for name, value in rows.items():
        table.add_row(name, str(value))
    return table


def _run(settings: Settings, act: Callable[[RedisSource], Awaitable[T]]) -> T:
    async def run() -> T:
        source = RedisSource(settings.redis)
        try:
            async with translated():
                return await act(source)
        finally:
            await source.aclose()

    return stopping.run(run())
