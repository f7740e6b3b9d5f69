"""Gives an eval a corpus of its own, so that it touches none of the user's documents."""

import hashlib
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import click

from twintrack.app.ingest import nothing_read
from twintrack.core.context import Identity
from twintrack.core.settings import CacheSettings, Settings, load_settings

_LONGEST = 60


def name_of(*passages: Path) -> str:
    """Return the name under which a tuning keeps what was chosen for such a corpus."""
    stems = "-".join(re.sub(r"[^a-z0-9]+", "-", path.stem.lower()).strip("-") for path in passages)
    return stems[:_LONGEST].strip("-") or "corpus"


def own_corpus(*passages: Path, name: str = "") -> Settings:
    """Return the settings with a corpus of the files alone, which is weighed like the corpus of that name.

    The answer cache is off: each question is asked.
    """
    from twintrack.app.open_corpus import with_corpus

    named = name or name_of(*passages)
    paths = "\n".join(str(path.resolve()) for path in passages)
    settings = load_settings()
    weight = settings.retrieval.vector_weights.get(named, settings.retrieval.vector_weight)
    settings = with_corpus(settings, f"eval-{hashlib.sha256(paths.encode()).hexdigest()[:12]}")
    retrieval = settings.retrieval.model_copy(update={"vector_weights": {settings.retrieval.corpus: weight}})
    return settings.model_copy(update={"cache": CacheSettings(enabled=False), "retrieval": retrieval})


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
