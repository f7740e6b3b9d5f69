"""Bring files of the caller's tenant into the caller's corpus, and nothing from outside the folder meant for it."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from langgraph.runtime import Runtime
from typing_extensions import TypedDict

from twintrack.core.context import Context, Identity, identity_of
from twintrack.core.corpus import Corpus
from twintrack.core.errors import NotAllowed, TwintrackError
from twintrack.core.keys import encode

ANONYMOUS = "anonymous"


class IndexInput(TypedDict):
    """What a caller may send."""

    paths: list[str]
    """Files and folders within the tenant's folder; an empty list means all of it."""


class IndexState(IndexInput, total=False):
    """What a caller gets back."""

    report: dict[str, Any]
    """What became of each document."""
    error: str
    """Why nothing was read, with the fix; empty when something was."""


async def index(state: IndexInput, runtime: Runtime[Context], *, corpus: Corpus, folder: Path | None) -> dict[str, Any]:
    """Read the files; what may not or cannot be read is said, not raised."""
    identity = identity_of(runtime)
    try:
        own, paths = await asyncio.to_thread(_allowed, folder, state["paths"], identity)
        report = await corpus.ingest(paths, identity=identity, within=own)
    except TwintrackError as error:
        return {"report": {}, "error": str(error)}
    return {"report": _without_way(asdict(report), own), "error": ""}


def _allowed(folder: Path | None, names: Sequence[str], identity: Identity) -> tuple[Path, list[Path]]:
    """Return the tenant's folder and the paths named, links followed; files are judged when they are found."""
    if folder is None:
        raise NotAllowed("Indexing is switched off.", fix="set TWINTRACK_SERVER__DOCUMENTS to the documents' folder")
    if identity.user_id == ANONYMOUS:
        raise NotAllowed("Only a user who is known may index.", fix="send an API key")
    own = folder.resolve() / encode(identity.tenant_id)
    try:
        paths = [(own / name).resolve() for name in names or ["."]]
    except ValueError:  # a null sign
        raise _outside(own) from None
    if not all(path.is_relative_to(own) for path in paths):
        raise _outside(own)
    return own, paths


def _without_way(report: dict[str, Any], own: Path) -> dict[str, Any]:
    """Name files as the caller does, without where the server keeps it."""
    way = f"{own.parent.as_posix()}/"
    failed = [{name: text.replace(way, "") for name, text in failure.items()} for failure in report["failed"]]
    guessed = {file.removeprefix(way): encoding for file, encoding in report["guessed"].items()}
    return {**report, "failed": failed, "guessed": guessed}


def _outside(own: Path) -> NotAllowed:
    return NotAllowed("This is outside your tenant's folder.", fix=f"put the files below {own.name}/ and name them so")
