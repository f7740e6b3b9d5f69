"""`twintrack approvals`: what waits for a person, and an end to what has waited too long."""

import json
import math
from datetime import UTC, datetime

import click

from twintrack.app import stopping
from twintrack.app.owner_options import owner_options
from twintrack.app.whole_help import WholeHelp
from twintrack.core.context import Identity


@click.group(cls=WholeHelp)
def command() -> None:
    """Show what waits for a person, and end what has waited too long."""


@command.command("list")
@owner_options
def list_(user: str, tenant: str, as_json: bool) -> None:
    """List a user's threads on which something waits, and until when."""
    rows = stopping.run(_waiting(Identity(tenant, user)))
    if as_json:
        click.echo(json.dumps({"waiting": [{"thread_id": thread, "until": until} for thread, until in rows]}))
    else:
        click.echo(
            "\n".join(f"{thread}  until {until or 'somebody decides'}" for thread, until in rows) or "Nothing waits."
        )


@command.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def sweep(as_json: bool) -> None:
    """End every turn that has waited longer than `approvals.timeout_seconds`, by `approvals.default`."""
    ended = stopping.run(_sweep())
    if as_json:
        rows = [{**who.in_config(), "thread_id": thread} for who, thread in ended]
        click.echo(json.dumps({"ended": rows}, ensure_ascii=False))
    else:
        click.echo(f"Ended: {len(ended)}.")


async def _waiting(identity: Identity) -> list[tuple[str, str | None]]:
    from twintrack.app.open_questions import open_questions
    from twintrack.app.parts import make_parts
    from twintrack.core.settings import load_settings

    parts = make_parts(load_settings())
    try:
        found = await open_questions(parts.waiting, parts.saver, identity)
    finally:
        await parts.aclose()
    return [(thread, moment(due)) for thread, due in found]


def moment(due: float) -> str | None:
    """Return until when a question waits, in ISO 8601; None where it waits for ever."""
    return None if due == math.inf else datetime.fromtimestamp(due, UTC).isoformat(timespec="seconds")


async def _sweep() -> list[tuple[Identity, str]]:
    from twintrack.app.assemble import open_app

    async with open_app() as app:
        return await app.settle_lapsed()
