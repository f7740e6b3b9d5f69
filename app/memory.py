"""`twintrack memory`: what is remembered of a user, for people and for programs."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

import click
from rich.padding import Padding
from rich.text import Text

from twintrack.app import stopping
from twintrack.app.erasure import Erased
from twintrack.app.owner_options import owner_options
from twintrack.app.screen import heading, say, screen
from twintrack.app.whole_help import WholeHelp
from twintrack.core.context import Identity
from twintrack.core.embeddings import open_embedder
from twintrack.core.errors import InputError
from twintrack.core.redis_client import RedisSource
from twintrack.core.redis_errors import translated
from twintrack.core.settings import load_settings
from twintrack.memory.schemas import Episode, Fact
from twintrack.memory.tiers import Memory

T = TypeVar("T")

_ANSWER_CHARS = 160


@click.group(cls=WholeHelp)
def command() -> None:
    """List, recall, forget, export and erase what is remembered of a user."""


@command.command("list")
@click.option("--replaced", is_flag=True, help="Also facts that a newer one replaced.")
@owner_options
def list_(replaced: bool, user: str, tenant: str, as_json: bool) -> None:
    """List the user's facts and episodes, oldest first."""
    who = Identity(tenant, user)

    async def act(memory: Memory) -> tuple[list[Fact], list[Episode]]:
        return await memory.facts.list(who, replaced=replaced), await memory.episodes.list(who)

    _show(*_run(act), as_json=as_json)


@command.command()
@click.argument("text")
@owner_options
def recall(text: str, user: str, tenant: str, as_json: bool) -> None:
    """Show what a turn that asks TEXT would recall, best first."""

    async def act(memory: Memory) -> tuple[list[Fact], list[Episode]]:
        vector = await memory.facts.embedder.embed_one(text)
        found = await memory.recall(text, vector, identity=Identity(tenant, user), thread_id="")
        return found["facts"], found["episodes"]

    _show(*_run(act), as_json=as_json)


@command.command()
@click.argument("record_id", metavar="ID")
@owner_options
def forget(record_id: str, user: str, tenant: str, as_json: bool) -> None:
    """Delete the fact or episode ID."""
    if not _run(lambda memory: memory.forget(Identity(tenant, user), record_id)):
        raise InputError(
            f"{tenant}/{user} has no fact or episode {record_id}.", fix="see the ids with `twintrack memory list`"
        )
    _told({"forgotten": record_id}, f"Forgot {record_id}.", as_json)


@command.command()
@owner_options
def export(user: str, tenant: str, as_json: bool) -> None:
    """Print all that is kept of the user, one JSON record a line."""

    async def act(memory: Memory) -> list[dict[str, Any]]:
        records = []
        async for record in memory.export(Identity(tenant, user)):
            records.append(record)
            if not as_json:
                _json(record)
        return records

    records = _run(act)
    if as_json:
        _json({"records": records})


@command.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@owner_options
def erase(yes: bool, user: str, tenant: str, as_json: bool) -> None:
    """Delete all that is kept of the user, for good: memory, conversations, traces and own documents.

    What was sent to Langfuse stays there.
    """
    if not yes:
        question = f"Delete all memory, conversations, traces and own documents of {tenant}/{user}, for good?"
        click.confirm(question, abort=True, err=True)
    erased = stopping.run(_erase(Identity(tenant, user))).to_json()
    count = sum(erased.values())
    parts = ", ".join(f"{number} {kind}" for kind, number in erased.items() if number)
    _told({"erased": count, **erased}, f"Erased of {tenant}/{user}: {parts or 'nothing was kept'}.", as_json)


async def _erase(who: Identity) -> Erased:
    from twintrack.app.assemble import open_app

    async with open_app() as app:
        return await app.erase(who.user_id, tenant_id=who.tenant_id)


def _show(facts: Sequence[Fact], episodes: Sequence[Episode], *, as_json: bool) -> None:
    if as_json:
        _json({"facts": facts, "episodes": episodes})
    elif not facts and not episodes:
        click.echo("Nothing is remembered.")
    else:
        _show_facts(facts)
        _show_episodes(episodes)


def _show_facts(facts: Sequence[Fact]) -> None:
    if facts:
        heading(screen(), "Facts")
    for fact in facts:
        replaced = f"  replaced {_day(fact['invalid_at'])}" if fact["invalid_at"] else ""
        _record(f"{fact['id']}  {_day(fact['created_at'])}  {fact['topic']}{replaced}", fact["text"])


def _show_episodes(episodes: Sequence[Episode]) -> None:
    if episodes:
        heading(screen(), "Episodes")
    for episode in episodes:
        how = f"{episode['status']} ({episode['route']})" if episode["route"] else episode["status"]
        answer = " ".join(episode["answer"].split())
        answer = answer if len(answer) <= _ANSWER_CHARS else answer[: _ANSWER_CHARS - 1] + "…"
        _record(f"{episode['id']}  {_day(episode['created_at'])}  {how}", episode["question"], f"→ {answer}")


def _record(head: str, *lines: str) -> None:
    """Print one record: its id whole, to be copied, and below it what it says."""
    console = screen()
    say(console, head.rstrip(), "dim")
    for line in lines:
        console.print(Padding(Text(line), (0, 0, 0, 4)))


def _day(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M")


@asynccontextmanager
async def _memory() -> AsyncIterator[Memory]:
    settings = load_settings()
    source = RedisSource(settings.redis)
    try:
        async with translated():
            await source.client().ping()
            yield Memory(source, open_embedder(settings.models), settings.memory)
    finally:
        await source.aclose()


def _run(act: Callable[[Memory], Awaitable[T]]) -> T:
    async def run() -> T:
        async with _memory() as memory:
            return await act(memory)

    return stopping.run(run())


def _told(value: dict[str, Any], line: str, as_json: bool) -> None:
    if as_json:
        _json(value)
    else:
        click.echo(line)


def _json(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False))
