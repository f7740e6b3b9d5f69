"""Brings files into a corpus: unchanged documents are skipped, changed ones replaced, removed ones dropped."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from redis.asyncio import Redis

from twintrack.core.code_chunks import how_cut, passages_of
from twintrack.core.context import Identity
from twintrack.core.document_files import find_files
from twintrack.core.documents import Document, Failure, read_documents
from twintrack.core.embeddings import Embeds
from twintrack.core.errors import DocumentError, NotAllowed
from twintrack.core.ingest_report import IngestReport, Progress
from twintrack.core.passages_index import (
    PassagesIndex,
    Stored,
    digest,
    embedded_texts,
    record,
    shown,
)
from twintrack.core.settings import RetrievalSettings
from twintrack.core.stored_documents import StoredDocuments
from twintrack.core.tokens import Span

_BATCH = 32


@dataclass(frozen=True, slots=True)
class _Pending:
    document: Document
    stored: Stored
    chunks: list[Span]


class Ingestion:
    """One run over some paths; every document is written whole or not at all, so a run may stop anywhere."""

    def __init__(
        self,
        client: Redis,
        index: PassagesIndex,
        embedder: Embeds,
        settings: RetrievalSettings,
        *,
        identity: Identity,
        access: str,
        progress: Progress | None = None,
        keep: Callable[[], Awaitable[object]] | None = None,
        within: Path | None = None,
    ) -> None:
        self._client = client
        self._index = index
        self._embedder = embedder
        self._settings = settings
        self._identity = identity
        self._access = access
        self._progress = progress
        self._keep = keep
        self._within = within
        self._roots: list[Path] = []
        self._stored = StoredDocuments(client, index, identity=identity, access=access)
        self._before: list[Stored] = []
        self._seen: dict[str, str] = {}
        self._pending: list[_Pending] = []
        self._done = self._total = 0
        self._report = IngestReport()

    async def run(self, paths: Sequence[Path]) -> IngestReport:
        """Read every path, write what is new or changed, drop what is gone."""
        began = time.monotonic()
        self._before = await self._stored.load()
        files = await asyncio.to_thread(self._find, paths)
        self._total = len(files)
        for file in files:
            await self._take_file(file)
        await self._write_pending()
        removed = self._removed()
        await self._stored.drop(removed)
        self._report.removed = len(removed)
        self._report.seconds = time.monotonic() - began
        return self._report

    def _find(self, paths: Sequence[Path]) -> list[Path]:
        files: dict[Path, None] = {}
        for root in dict.fromkeys(path.resolve() for path in paths):
            try:
                found = find_files(root, unlisted=self._note_unlisted, passed_over=self._note_passed_over)
            except DocumentError as error:
                self._report.failed.append(Failure(root.as_posix(), error.problem, error.fix))
                continue
            self._roots.append(root)
            files.update(dict.fromkeys(file.resolve() for file in found))
        # Judged where they are resolved, so that what is read is what was judged.
        if self._within and not all(file.is_relative_to(self._within) for file in files):
            raise NotAllowed("A file is outside the folder.", fix="take away the links that lead out of it")
        return list(files)

    def _note_unlisted(self, error: OSError) -> None:
        folder = Path(str(error.filename)).as_posix()
        problem = f"{folder}: it cannot be looked into ({error.strerror})."
        self._report.failed.append(Failure(folder, problem, "check its permissions"))

    def _note_passed_over(self, _: Path) -> None:
        self._report.passed_over += 1

    async def _take_file(self, file: Path) -> None:
        limit = int(self._settings.max_file_mb * 1e6)
        found = await asyncio.to_thread(lambda: list(read_documents(file, max_bytes=limit)))
        self._total += len(found) - 1
        for item in found:
            if isinstance(item, Failure):
                self._report.failed.append(item)
                self._tick(item.source)
            else:
                await self._take(item)

    async def _take(self, document: Document) -> None:
        """Note the document; queue it unless it is stored as it is."""
        before, other = self._stored.get(document.id), self._seen.get(document.id)
        if not other and before and _is_anothers(before, document):
            other = self._seen[document.id] = before.source
        if other:
            problem = f"{document.source}: the id {document.id!r} is used twice, first in {other}."
            self._report.failed.append(Failure(document.source, problem, "give each row its own id"))
            self._tick(document.id)
            return
        self._seen[document.id] = document.source
        if document.guessed:
            self._report.guessed[document.source] = document.guessed
        self._report.read += 1
        size, overlap = self._settings.chunk_chars, self._settings.chunk_overlap
        cut = how_cut(document.source, size=size, overlap=overlap)
        mark = digest(document, access=self._access, cut=cut)
        if before and before.digest == mark:
            self._report.moved += await self._stored.drop_copies(document)
            self._report.skipped += 1
            self._tick(document.id)
            return
        await self._queue(document, mark)

    async def _queue(self, document: Document, mark: str) -> None:
        size, overlap = self._settings.chunk_chars, self._settings.chunk_overlap
        pieces = await asyncio.to_thread(passages_of, document.text, document.source, size=size, overlap=overlap)
        self._pending.append(_Pending(document, Stored(document.id, document.source, mark, len(pieces)), pieces))
        if sum(len(pending.chunks) for pending in self._pending) >= _BATCH:
            await self._write_pending()

    def _tick(self, name: str) -> None:
        self._done += 1
        if self._progress:
            self._progress(self._done, self._total, name)

    async def _write_pending(self) -> None:
        """Embed the waiting documents and write them in one transaction."""
        waiting, self._pending = self._pending, []
        if not waiting:
            return
        if self._keep:
            await self._keep()
        texts = [
            embedded_texts(pending.document, chunk, windows=self._index.windows)
            for pending in waiting
            for chunk in pending.chunks
        ]
        rows = await self._embedder.embed([text for some in texts for text in some])
        ends = list(accumulate(len(some) for some in texts))
        vectors = iter(np.split(rows, ends[:-1]))
        async with self._client.pipeline(transaction=True) as pipe:
            for pending in waiting:
                self._write(pipe, pending, vectors)
                self._report.moved += self._stored.forget_copies(pipe, pending.document)
            self._stored.changed(pipe)
            await pipe.execute()
        for pending in waiting:
            self._tick(pending.document.id)

    def _write(self, pipe: Redis, pending: _Pending, vectors: Iterator[NDArray[np.float32]]) -> None:
        before = self._stored.get(pending.document.id)
        self._stored.forget(pipe, before)
        named = shown(pending.document, self._roots)
        for passage_id, chunk in zip(pending.stored.passage_ids(), pending.chunks, strict=True):
            fields = record(
                named, chunk, next(vectors), layout=self._index, identity=self._identity, access=self._access
            )
            pipe.hset(self._index.passage_key(passage_id, self._identity), mapping=fields)
        self._stored.remember(pipe, pending.stored)
        self._report.replaced += before is not None
        self._report.passages += pending.stored.passages

    def _removed(self) -> list[Stored]:
        """Return documents that came from below the folders looked into and are there no more.

        What failed stays, with all below it: a drive that is not mounted has not lost its documents.
        """
        doubtful = [Path(failure.source) for failure in self._report.failed]
        candidates = [stored for stored in self._before if stored.id not in self._seen]
        return [
            stored
            for stored in candidates
            if _is_below(Path(stored.source), self._roots) and not _is_below(Path(stored.source), doubtful)
        ]

    async def drop_all(self) -> int:
        """Drop every document under this access; return how many there were."""
        known = await self._stored.load()
        await self._stored.drop(known)
        return len(known)


def _is_anothers(stored: Stored, document: Document) -> bool:
    """Tell whether a stored document came from another file, which is still there: a file that moved is no other."""
    return stored.source != document.source and Path(stored.source).exists()


def _is_below(file: Path, roots: Sequence[Path]) -> bool:
    return any(file == root or root in file.parents for root in roots)
