"""`twintrack traces`: what the last turns did, step by step, without a Langfuse server."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from twintrack.app import stopping
from twintrack.app.owner_options import owner_options
from twintrack.app.screen import screen
from twintrack.app.show_modes import modes_
from twintrack.app.whole_help import WholeHelp
from twintrack.core.context import Identity
from twintrack.core.errors import InputError
from twintrack.core.redis_client import RedisSource
from twintrack.core.redis_errors import translated
from twintrack.core.settings import load_settings
from twintrack.core.trace_tree import describe, duration, tree_lines, visible_children
from twintrack.core.traces import Trace, TraceSpan, TraceStore

_WHOLE = frozenset({"trace", "started", "took", "status", "route"})
_STYLES = {"ERROR": "red", "WARNING": "yellow"}
_thread_option = click.option("--thread", default=None, help="Only turns of this thread.")


@click.group(cls=WholeHelp)
def command() -> None:
    """Print the traces of the last turns."""


command.add_command(modes_)


@command.command("list")
@_thread_option
@owner_options
def list_(thread: str | None, user: str, tenant: str, as_json: bool) -> None:
    """List the turns that are kept, newest first."""
    found = stopping.run(read_traces(Identity(tenant, user), thread))
    if as_json:
        click.echo(json.dumps({"traces": [summary(trace) for trace in found]}, ensure_ascii=False))
    elif found:
        screen().print(trace_table(found))
    else:
        click.echo("No trace is kept yet: ask something, or see the setting tracing.keep_local.")


@command.command()
@click.argument("trace_id", required=False)
@click.option("--last", is_flag=True, help="The newest turn; so it is without TRACE_ID.")
@_thread_option
@owner_options
def show(trace_id: str | None, last: bool, thread: str | None, user: str, tenant: str, as_json: bool) -> None:
    """Print one turn as a tree; the beginning of TRACE_ID is enough."""
    if trace_id and last:
        raise InputError("TRACE_ID and --last exclude each other.", fix="give one of them")
    trace = choose(stopping.run(read_traces(Identity(tenant, user), thread)), trace_id)
    if as_json:
        click.echo(json.dumps(trace.as_json() | summary(trace), ensure_ascii=False))
    else:
        print_trace(trace, screen())


async def read_traces(identity: Identity, thread: str | None = None) -> Sequence[Trace]:
    """Return the user's kept traces, newest first."""
    source = RedisSource(load_settings().redis)
    try:
        async with translated():
            return await TraceStore(source).list(identity, thread)
    finally:
        await source.aclose()


def choose(traces: Sequence[Trace], trace_id: str | None) -> Trace:
    """Return the newest trace, or the one whose id begins with `trace_id`.

    Raises:
        InputError: no such trace, or more than one.
    """
    found = [trace for trace in traces if trace.id.startswith(trace_id or "")]
    if not found:
        raise InputError(
            f"No trace {trace_id} is kept." if trace_id else "No trace is kept.", fix="see `twintrack traces list`"
        )
    if trace_id and len(found) > 1:
        raise InputError(f"{len(found)} traces begin with {trace_id}.", fix="give more of the id")
    return found[0]


def summary(trace: Trace) -> dict[str, Any]:
    """Return a trace in one row."""
    return {
        "id": trace.id,
        "thread_id": trace.thread_id,
        "started": datetime.fromtimestamp(trace.start).astimezone().isoformat(timespec="seconds"),
        "seconds": round(trace.seconds, 3),
        "steps": len(trace.spans),
        "tokens": trace.usage.get("total", 0),
        "failed": trace.failed,
        **trace.labels,
    }


def trace_table(traces: Sequence[Trace]) -> Table:
    """Return the rows for a terminal."""
    table = Table(box=None, pad_edge=False)
    for name in ("trace", "started", "thread", "took", "status", "route", "tokens"):
        table.add_column(name, no_wrap=name in _WHOLE, overflow="fold")
    for trace in traces:
        row, labels = summary(trace), trace.labels
        table.add_row(
            trace.id[:12],
            datetime.fromtimestamp(trace.start).astimezone().strftime("%m-%d %H:%M:%S"),
            Text(trace.thread_id),
            duration(trace.seconds),
            Text(labels.get("status", ""), style="red" if trace.failed else ""),
            labels.get("route", ""),
            str(row["tokens"] or ""),
        )
    return table


def print_trace(trace: Trace, console: Console) -> None:
    """Draw a trace: coloured on a terminal, plain lines elsewhere."""
    if not console.is_terminal:
        for line in tree_lines(trace):
            console.print(Text(line), soft_wrap=True)
        return
    for root in trace.roots:
        drawn = Tree(_text(root))
        _grow(drawn, trace, root)
        console.print(drawn)


def _grow(branch: Tree, trace: Trace, span: TraceSpan) -> None:
    for child in visible_children(trace, span):
        _grow(branch.add(_text(child)), trace, child)


def _text(span: TraceSpan) -> Text:
    name, _, rest = describe(span).partition("  ")
    return Text.assemble((name, "bold"), "  ", (rest, _STYLES.get(span.level, "dim")))
