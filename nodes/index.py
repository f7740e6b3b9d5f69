"""Bring files of the caller's tenant into the caller's corpus, and nothing from outside the folder meant for it."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from langgraph.runtime import Runtime
from typing_extensions import TypedDict

from twintrack.core.context import Context, Identity, identity_of
from twintrack.core.corpus import Corpus
from twintrack.core.documents import find_files
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
        paths = await asyncio.to_thread(_allowed, folder, state["paths"], identity)
        report = await corpus.ingest(paths, identity=identity)
    except TwintrackError as error:
        return {"report": {}, "error": str(error)}
    return {"report": asdict(report), "error": ""}


def _allowed(folder: Path | None, names: Sequence[str], identity: Identity) -> list[Path]:
    if folder is None:
        raise NotAllowed("Indexing is switched off.", fix="set TWINTRACK_SERVER__DOCUMENTS to the documents' folder")
    if identity.user_id == ANONYMOUS:
        raise NotAllowed("Only a user who is known may index.", fix="send an API key")
    own = folder.resolve() / encode(identity.tenant_id)
    paths = [own / name for name in names or ["."]]
    # Links are followed before a path is judged, so that none leads out; and a folder before it is listed.
    if not (all(_is_below(path, own) for path in paths) and all(_is_below(file, own) for file in _files(paths))):
        raise _outside(own)
    return paths


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    return (file for path in paths for file in find_files(path))


def _is_below(path: Path, own: Path) -> bool:
    return path.resolve().is_relative_to(own)


def _outside(own: Path) -> NotAllowed:
    return NotAllowed("This is outside your tenant's folder.", fix=f"put the files below {own.name}/ and name them so")
