"""Gives an eval a corpus of its own, so that it touches none of the user's documents."""

import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import click

from twintrack.app.ingest import nothing_read
from twintrack.core.context import Identity
from twintrack.core.settings import CacheSettings, Settings, load_settings


def own_corpus(*passages: Path) -> Settings:
    """Return the settings with a corpus named after the files, and without the answer cache: each question is asked."""
    from twintrack.app.open_corpus import with_corpus

    names = "\n".join(str(path.resolve()) for path in passages)
    settings = with_corpus(load_settings(), f"eval-{hashlib.sha256(names.encode()).hexdigest()[:12]}")
    return settings.model_copy(update={"cache": CacheSettings(enabled=False)})


async def ingest(read_in: Callable[..., Awaitable[Any]], *passages: Path) -> None:
    """Read the files in; those that are in already cost nothing, and rows that cannot be read are told.

    Raises:
        DocumentError: there is no document at all.
    """
    from twintrack.app.progress import progress_bar

    with progress_bar("Reading") as progress:
        report = await read_in(list(passages), identity=Identity("eval"), progress=progress)
    if nothing := nothing_read(report):
        raise nothing
    for failure in report.failed:
        click.echo(f"Not read: {failure.problem} Fix: {failure.fix}", err=True)
