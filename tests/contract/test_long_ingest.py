"""Reading many documents in may take longer than the lock of a corpus lives without a word."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from twintrack.core import ingestion
from twintrack.core.corpus import Corpus
from twintrack.core.documents import Document, Failure, read_documents
from twintrack.core.embeddings import LocalEmbedder
from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import RetrievalSettings


async def test_an_ingest_keeps_its_lock_while_it_only_reads(
    source: RedisSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = Corpus(source, LocalEmbedder(), RetrievalSettings.model_validate({}))
    for number in range(4):
        (tmp_path / f"{number}.txt").write_text(f"The mill numbered {number} grinds rye.")
    await corpus.ingest([tmp_path])

    def slowly(file: Path, *, max_bytes: int) -> Iterator[Document | Failure]:
        time.sleep(0.6)
        return read_documents(file, max_bytes=max_bytes)

    monkeypatch.setattr(ingestion, "read_documents", slowly)
    monkeypatch.setattr("twintrack.core.corpus._LOCK_SECONDS", 2.1)
    report = await corpus.ingest([tmp_path])
    assert (report.skipped, report.failed) == (4, [])
    assert not await source.client().keys("*corpus-lock*")
