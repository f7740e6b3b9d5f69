"""Brings files into a corpus: unchanged documents are skipped, changed ones replaced, removed ones dropped."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from redis.asyncio import Redis

from twintrack.core.access import may_replace, restricted_tags
from twintrack.core.code_chunks import how_cut, passages_of
from twintrack.core.context import Identity
from twintrack.core.documents import Document, Failure, find_files, read_documents
from twintrack.core.embeddings import Embeds
from twintrack.core.errors import DocumentError, NotAllowed
from twintrack.core.passages_index import (
    PassagesIndex,
    Stored,
    access_in,
    decoded,
    digest,
    documents_field,
    embedded_texts,
    record,
    shown,
)
from twintrack.core.settings import RetrievalSettings
from twintrack.core.tokens import Span

Progress = Callable[[int, int, str], None]
"""Called with documents done, documents known of so far, and the one at hand."""
_BATCH = 32


@dataclass(slots=True)
class IngestReport:
    """What became of each document."""

    read: int = 0
    skipped: int = 0
    """Unchanged since the last time."""
    replaced: int = 0
    removed: int = 0
    moved: int = 0
    """Copies dropped because the document was read in again for other readers."""
    passed_over: int = 0
    """Files below the folders that are of no kind that can be read."""
    passages: int = 0
    """Passages written this time."""
    failed: list[Failure] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class _Copy:
    access: str
    stored: Stored


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
        self._known: dict[str, Stored] = {}
        self._elsewhere: dict[str, list[_Copy]] = {}
        self._seen: dict[str, str] = {}
        self._pending: list[_Pending] = []
        self._done = self._total = 0
        self._report = IngestReport()

    async def run(self, paths: Sequence[Path]) -> IngestReport:
        """Read every path, write what is new or changed, drop what is gone."""
        began = time.monotonic()
        self._known = await self._stored_documents()
        files = await asyncio.to_thread(self._find, paths)
        self._total = len(files)
        for file in files:
            await self._take_file(file)
        await self._write_pending()
        removed = self._removed()
        await self._drop(removed)
        self._report.removed = len(removed)
        self._report.seconds = time.monotonic() - began
        return self._report

    async def _stored_documents(self) -> dict[str, Stored]:
        rows = await self._client.hgetall(self._index.documents_key(self._identity))
        stored = {decoded(name): Stored(**json.loads(value)) for name, value in rows.items()}
        for name, value in stored.items():
            if name != self._field(value.id):
                self._elsewhere.setdefault(value.id, []).append(_Copy(access_in(name), value))
        return {name: value for name, value in stored.items() if name == self._field(value.id)}

    def _field(self, document_id: str) -> str:
        return documents_field(self._access, document_id)

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
        before, other = self._known.get(self._field(document.id)), self._seen.get(document.id)
        if not other and before and _is_anothers(before, document):
            other = self._seen[document.id] = before.source
        if other:
            problem = f"{document.source}: the id {document.id!r} is used twice, first in {other}."
            self._report.failed.append(Failure(document.source, problem, "give each row its own id"))
            self._tick(document.id)
            return
        self._seen[document.id] = document.source
        self._report.read += 1
        size, overlap = self._settings.chunk_chars, self._settings.chunk_overlap
        cut = how_cut(document.source, size=size, overlap=overlap)
        mark = digest(document, access=self._access, cut=cut)
        if before and before.digest == mark:
            await self._drop_copies(document)
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
                self._forget_copies(pipe, pending.document)
            self._changed(pipe)
            await pipe.execute()
        for pending in waiting:
            self._tick(pending.document.id)

    def _write(self, pipe: Redis, pending: _Pending, vectors: Iterator[NDArray[np.float32]]) -> None:
        before = self._known.get(self._field(pending.document.id))
        self._forget(pipe, before)
        named = shown(pending.document, self._roots)
        for passage_id, chunk in zip(pending.stored.passage_ids(), pending.chunks, strict=True):
            fields = record(
                named, chunk, next(vectors), layout=self._index, identity=self._identity, access=self._access
            )
            pipe.hset(self._index.passage_key(passage_id, self._identity), mapping=fields)
        self._remember(pipe, pending.stored)
        self._report.replaced += before is not None
        self._report.passages += pending.stored.passages

    async def _drop_copies(self, document: Document) -> None:
        async with self._client.pipeline(transaction=True) as pipe:
            if self._forget_copies(pipe, document):
                await pipe.execute()

    def _forget_copies(self, pipe: Redis, document: Document) -> bool:
        """Forget the same file's copies under other readers: who read it in last decides who finds it."""
        found = [one for one in self._elsewhere.get(document.id, []) if one.stored.source == document.source]
        copies = [one for one in found if may_replace(one.access, self._identity)]
        for copy in copies:
            self._forget(pipe, copy.stored, copy.access)
            self._changed(pipe, copy.access)
        self._report.moved += len(copies)
        return bool(copies)

    def _changed(self, pipe: Redis, access: str | None = None) -> None:
        pipe.incr(self._index.version_key(self._identity))
        for tag in restricted_tags(access or self._access):
            pipe.incr(self._index.reader_version_key(tag, self._identity))

    def _remember(self, pipe: Redis, stored: Stored) -> None:
        name = self._field(stored.id)
        pipe.hset(self._index.documents_key(self._identity), name, json.dumps(stored.to_json()))

    def _forget(self, pipe: Redis, stored: Stored | None, access: str | None = None) -> None:
        if stored:
            pipe.unlink(*(self._index.passage_key(name, self._identity) for name in stored.passage_ids()))
            pipe.hdel(self._index.documents_key(self._identity), documents_field(access or self._access, stored.id))

    def _removed(self) -> list[Stored]:
        """Return documents that came from below the folders looked into and are there no more.

        What failed stays, with all below it: a drive that is not mounted has not lost its documents.
        """
        doubtful = [Path(failure.source) for failure in self._report.failed]
        candidates = [stored for stored in self._known.values() if stored.id not in self._seen]
        return [
            stored
            for stored in candidates
            if _is_below(Path(stored.source), self._roots) and not _is_below(Path(stored.source), doubtful)
        ]

    async def drop_all(self) -> int:
        """Drop every document under this access; return how many there were."""
        known = list((await self._stored_documents()).values())
        await self._drop(known)
        return len(known)

    async def _drop(self, gone: Sequence[Stored]) -> None:
        if not gone:
            return
        async with self._client.pipeline(transaction=True) as pipe:
            for stored in gone:
                self._forget(pipe, stored)
            self._changed(pipe)
            await pipe.execute()


def _is_anothers(stored: Stored, document: Document) -> bool:
    """Tell whether a stored document came from another file, which is still there: a file that moved is no other."""
    return stored.source != document.source and Path(stored.source).exists()


def _is_below(file: Path, roots: Sequence[Path]) -> bool:
    return any(file == root or root in file.parents for root in roots)
