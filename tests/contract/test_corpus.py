"""A corpus in real Redis: found, cited, walled, resumable, and safe from whatever a question holds."""

import asyncio
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from twintrack.core.context import Identity
from twintrack.core.corpus import Corpus
from twintrack.core.embeddings import LocalEmbedder
from twintrack.core.errors import Conflict, NotAllowed, SettingsError
from twintrack.core.ingest_report import IngestReport
from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import RetrievalSettings

ANNE = Identity("acme", "anne")
BOB = Identity("acme", "bob")
RIVAL = Identity("rival", "anne")
TEXTS = {
    "fees.md": "# Fees\n\nThe monthly fee of the Blue Account is $15. It is waived above $2,000.",
    "rail.txt": "广茂铁路全长364.6公里。它由三茂铁路股份有限公司管理运营。",
    "rivers.md": "# Rivers\n\nThe Rhine rises in Switzerland. It flows into the North Sea.",
}


@pytest.fixture
def corpus(source: RedisSource) -> Corpus:
    return Corpus(source, LocalEmbedder(), RetrievalSettings.model_validate({}))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    for name, text in TEXTS.items():
        (folder / name).write_text(text)
    return folder


async def found(corpus: Corpus, question: str, identity: Identity = ANNE) -> list[str]:
    vector = await LocalEmbedder().embed_one(question)
    return [Path(passage["source"]).name for passage in await corpus.search(question, vector, identity=identity)]


def figures(report: IngestReport) -> tuple[int, int, int, int]:
    return report.read, report.skipped, report.replaced, report.removed


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("What is the monthly fee?", "fees.md"),
        ("广茂铁路全长多少公里？", "rail.txt"),
        ("Where does the Rhine rise?", "rivers.md"),
    ],
)
async def test_the_right_passage_comes_first_in_both_languages(
    corpus: Corpus, folder: Path, question: str, name: str
) -> None:
    report = await corpus.ingest([folder], identity=ANNE)
    assert figures(report) == (3, 0, 0, 0)
    assert report.passages == 3
    assert (await found(corpus, question))[0] == name


async def test_a_passage_stands_in_its_document_where_it_says(corpus: Corpus, tmp_path: Path) -> None:
    text = "\n\n".join(f"Paragraph {n} is about topic {n}. " + "More words follow here. " * 20 for n in range(12))
    (tmp_path / "long.txt").write_text(text)
    await corpus.ingest([tmp_path], identity=ANNE)
    passages = await corpus.search("topic 7", await LocalEmbedder().embed_one("topic 7"), identity=ANNE)
    assert len(passages) == 8
    for passage in passages:
        assert text[passage["start"] :].startswith(passage["text"])
        stored = await corpus.passage(passage["id"], identity=ANNE)
        assert stored == passage | {"score": 0.0}
    scores = [passage["score"] for passage in passages]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)


async def test_unchanged_is_skipped_changed_is_replaced_and_removed_is_dropped(corpus: Corpus, folder: Path) -> None:
    await corpus.ingest([folder], identity=ANNE)
    first = await corpus.version(identity=ANNE)
    assert figures(await corpus.ingest([folder], identity=ANNE)) == (3, 3, 0, 0)
    assert await corpus.version(identity=ANNE) == first
    (folder / "fees.md").write_text("# Fees\n\nThe monthly fee is now $99.")
    (folder / "rivers.md").unlink()
    assert figures(await corpus.ingest([folder], identity=ANNE)) == (2, 1, 1, 1)
    assert await corpus.version(identity=ANNE) != first
    assert await corpus.count(identity=ANNE) == 2
    question = "monthly fee"
    passages = await corpus.search(question, await LocalEmbedder().embed_one(question), identity=ANNE)
    assert [passage["text"] for passage in passages if "fee" in passage["text"]] == [
        "# Fees\n\nThe monthly fee is now $99."
    ]


async def test_a_citation_of_a_changed_document_no_longer_resolves(corpus: Corpus, folder: Path) -> None:
    await corpus.ingest([folder], identity=ANNE)
    vector = await LocalEmbedder().embed_one("fee")
    before = (await corpus.search("fee", vector, identity=ANNE, limit=1))[0]
    (folder / "fees.md").write_text("# Fees\n\nThe monthly fee is now $99.")
    await corpus.ingest([folder], identity=ANNE)
    assert await corpus.passage(before["id"], identity=ANNE) is None


async def test_what_fails_is_reported_and_stops_nothing(corpus: Corpus, folder: Path) -> None:
    (folder / "broken.pdf").write_bytes(b"%PDF-1.4 nothing")
    report = await corpus.ingest([folder, folder / "gone"], identity=ANNE)
    assert report.read == 3
    assert len(report.failed) == 2
    assert all(failure.fix for failure in report.failed)


async def test_an_id_used_twice_is_reported(corpus: Corpus, tmp_path: Path) -> None:
    rows = [{"id": "x", "text": "one"}, {"id": "x", "text": "two"}]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    report = await corpus.ingest([tmp_path], identity=ANNE)
    assert (report.read, len(report.failed)) == (1, 1)


async def test_another_tenant_finds_reads_and_counts_nothing(corpus: Corpus, folder: Path) -> None:
    await corpus.ingest([folder], identity=ANNE)
    vector = await LocalEmbedder().embed_one("fee")
    passage = (await corpus.search("fee", vector, identity=ANNE))[0]
    assert await found(corpus, "monthly fee", BOB) != []
    for stranger in (RIVAL, Identity("ACME", "anne"), Identity("acme*", "anne"), Identity("", ""), Identity("a,acme")):
        assert await found(corpus, "monthly fee", stranger) == []
        assert await corpus.passage(passage["id"], identity=stranger) is None
        assert await corpus.count(identity=stranger) == 0


async def test_a_private_document_is_its_owners_alone(corpus: Corpus, folder: Path) -> None:
    await corpus.ingest([folder], identity=ANNE, private=True)
    vector = await LocalEmbedder().embed_one("fee")
    passage = (await corpus.search("fee", vector, identity=ANNE))[0]
    assert await found(corpus, "monthly fee", BOB) == []
    assert await corpus.passage(passage["id"], identity=BOB) is None
    assert await corpus.clear(identity=BOB, private=True) == 0
    assert await corpus.clear(identity=ANNE, private=True) == 3
    assert await found(corpus, "monthly fee", ANNE) == []


@pytest.mark.parametrize("changed", [True, False])
async def test_who_read_a_file_in_last_decides_who_finds_it(corpus: Corpus, folder: Path, changed: bool) -> None:
    await corpus.ingest([folder], identity=ANNE)
    before = await corpus.version(identity=BOB)
    if changed:
        (folder / "fees.md").write_text("# Fees\n\nThe monthly fee of the Blue Account is $16.")
    report = await corpus.ingest([folder / "fees.md"], identity=ANNE, private=True)
    assert report.moved == 1
    assert await corpus.version(identity=BOB) != before
    assert "fees.md" not in await found(corpus, "What is the monthly fee?", BOB)
    assert "fees.md" in await found(corpus, "What is the monthly fee?", ANNE)
    assert (await corpus.count(identity=ANNE), await corpus.count(identity=BOB)) == (3, 2)
    assert (await corpus.ingest([folder / "fees.md"], identity=ANNE)).moved == 1
    assert "fees.md" in await found(corpus, "What is the monthly fee?", BOB)


async def test_another_users_private_copy_stays_his(corpus: Corpus, folder: Path) -> None:
    await corpus.ingest([folder], identity=BOB, private=True)
    assert (await corpus.ingest([folder], identity=ANNE, private=True)).moved == 0
    assert (await corpus.ingest([folder], identity=ANNE)).moved == 3
    assert await corpus.clear(identity=BOB, private=True) == 3


async def test_a_row_does_not_replace_one_of_the_same_id_in_another_file(corpus: Corpus, tmp_path: Path) -> None:
    for name, text in (("a", "The Rhine rises in Switzerland."), ("b", "The fee is $15.")):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps({"id": "1", "text": text}))
    await corpus.ingest([tmp_path / "a.jsonl"], identity=ANNE)
    report = await corpus.ingest([tmp_path / "b.jsonl"], identity=ANNE)
    assert [(Path(failure.source).name, failure.fix) for failure in report.failed] == [
        ("b.jsonl", "give each row its own id")
    ]
    assert await found(corpus, "Where does the Rhine rise?") == ["a.jsonl"]
    (tmp_path / "a.jsonl").unlink()
    assert not (await corpus.ingest([tmp_path / "b.jsonl"], identity=ANNE)).failed
    assert await found(corpus, "What is the fee?") == ["b.jsonl"]


async def test_files_of_other_kinds_are_counted(corpus: Corpus, folder: Path) -> None:
    (folder / "x.bin").write_bytes(b"\x00")
    (folder / ".hidden.bin").write_bytes(b"\x00")
    assert (await corpus.ingest([folder], identity=ANNE)).passed_over == 1


async def test_files_whose_encoding_was_guessed_are_named(corpus: Corpus, folder: Path) -> None:
    (folder / "old.txt").write_bytes("广茂铁路全长四百公里。".encode("gbk"))
    report = await corpus.ingest([folder], identity=ANNE)
    assert [(Path(file).name, encoding) for file, encoding in report.guessed.items()] == [("old.txt", "gb18030")]


async def test_who_has_private_documents_shares_the_name_of_his_corpus_with_nobody(
    corpus: Corpus, folder: Path
) -> None:
    await corpus.ingest([folder], identity=ANNE)
    assert await corpus.version(identity=ANNE) == await corpus.version(identity=BOB)
    await corpus.ingest([folder], identity=BOB, private=True)
    bobs = await corpus.version(identity=BOB)
    assert bobs != await corpus.version(identity=ANNE)
    (folder / "fees.md").write_text("# Fees\n\nMy own fee is $1.")
    await corpus.ingest([folder], identity=BOB, private=True)
    assert await corpus.version(identity=BOB) != bobs
    await corpus.ingest([folder], identity=ANNE, private=True)
    assert await corpus.version(identity=BOB) != await corpus.version(identity=ANNE)


class Renamed(LocalEmbedder):
    """Another embedder, by name."""

    name = "local:another"


async def test_documents_of_another_embedder_are_a_plain_error(
    source: RedisSource, corpus: Corpus, folder: Path
) -> None:
    await corpus.ingest([folder], identity=ANNE)
    other = Corpus(source, Renamed(), RetrievalSettings.model_validate({}))
    with pytest.raises(SettingsError, match="TWINTRACK_MODELS__EMBEDDER"):
        await found(other, "monthly fee")
    assert await found(other, "monthly fee", RIVAL) == []
    await other.ingest([folder], identity=ANNE)
    assert (await found(other, "monthly fee"))[0] == "fees.md"


class Interrupted(LocalEmbedder):
    """Stops like Ctrl-C after some batches."""

    def __init__(self, batches: int) -> None:
        super().__init__()
        self.batches = batches

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if self.batches == 0:
            raise asyncio.CancelledError
        self.batches -= 1
        return await super().embed(texts)


async def test_an_interrupted_run_keeps_whole_documents_and_goes_on_from_there(
    source: RedisSource, tmp_path: Path
) -> None:
    rows = [{"id": f"d{n}", "text": f"Document {n}. " * 80} for n in range(60)]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    settings = RetrievalSettings.model_validate({})
    with pytest.raises(asyncio.CancelledError):
        await Corpus(source, Interrupted(2), settings).ingest([tmp_path], identity=ANNE)
    corpus = Corpus(source, LocalEmbedder(), settings)
    kept = await corpus.count(identity=ANNE)
    assert 0 < kept < 60
    report = await corpus.ingest([tmp_path], identity=ANNE)
    assert (report.skipped, report.replaced) == (kept, 0)
    assert await corpus.count(identity=ANNE) == 60
    passages = [name async for name in source.client().scan_iter("twintrack:corpus:*", 1000)]
    assert len(passages) == 120


async def test_two_runs_at_once_are_a_conflict(source: RedisSource, tmp_path: Path) -> None:
    rows = [{"id": f"d{n}", "text": f"Document {n}. " * 60} for n in range(10)]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))

    began, may_end = asyncio.Event(), asyncio.Event()

    class Slow(LocalEmbedder):
        async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
            began.set()
            await may_end.wait()
            return await super().embed(texts)

    settings = RetrievalSettings.model_validate({})
    one = asyncio.create_task(Corpus(source, Slow(), settings).ingest([tmp_path], identity=ANNE))
    await began.wait()
    with pytest.raises(Conflict):
        await Corpus(source, LocalEmbedder(), settings).ingest([tmp_path], identity=ANNE)
    may_end.set()
    assert (await one).read == 10


async def test_no_question_of_stop_words_crashes_redis(corpus: Corpus, folder: Path) -> None:
    """RediSearch 2.10 dies on a union of two stop words and a word unless the index has no stop words."""
    await corpus.ingest([folder], identity=ANNE)
    for question in ("will there cat", "there will fee", "a an the", "the who", "will there interview required"):
        await found(corpus, question)
    from twintrack.core.hybrid import HybridSearch, hybrid
    from twintrack.core.passages_index import PassagesIndex

    index = PassagesIndex("default", corpus._embedder.name, 512)
    search = HybridSearch(
        index=index.name,
        words=["will", "there", "fee"],
        vector=await LocalEmbedder().embed_one("x"),
        filters={"tenant": "acme"},
        fields=("document",),
        vector_weight=0.5,
    )
    assert await hybrid(await corpus._open(index), search, limit=3)


@pytest.mark.parametrize("question", ["", "fee " * 25_000, "\x00\x01\x1f", "😀" * 5000, "费" * 100_000, "a" * 100_000])
async def test_huge_and_empty_questions_are_answered(corpus: Corpus, folder: Path, question: str) -> None:
    await corpus.ingest([folder], identity=ANNE)
    assert len(await found(corpus, question)) == 3


def _moved(folder: Path, to: Path) -> Path:
    return folder.rename(to)


def _make(folder: Path) -> None:
    folder.mkdir()


async def test_a_root_that_is_gone_or_empty_has_not_lost_its_documents(corpus: Corpus, folder: Path) -> None:
    await corpus.ingest([folder], identity=ANNE)
    away = _moved(folder, folder.with_name("away"))
    assert (await corpus.ingest([folder], identity=ANNE)).removed == 0
    _make(folder)
    report = await corpus.ingest([folder], identity=ANNE)
    assert (report.removed, len(report.failed), await corpus.count(identity=ANNE)) == (0, 1, 3)
    _moved(away, folder)
    assert figures(await corpus.ingest([folder], identity=ANNE)) == (3, 3, 0, 0)


@pytest.mark.parametrize("closed", ["docs", "docs/inner"])
async def test_a_folder_that_cannot_be_listed_has_not_lost_its_documents(
    corpus: Corpus, folder: Path, closed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "inner").mkdir()
    (folder / "inner" / "deep.md").write_text("# Deep\n\nThe lake is 80 metres deep.")
    await corpus.ingest([folder], identity=ANNE)
    listed = os.scandir

    def scandir(path: Any) -> Any:
        if os.fspath(path) == str(folder.parent / closed):
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)
    (folder / "fees.md").unlink()
    report = await corpus.ingest([folder], identity=ANNE)
    assert report.removed == (closed != "docs")
    assert [failure.source for failure in report.failed] == [str(folder.parent / closed)]
    assert "Permission denied" in report.failed[0].problem
    assert await found(corpus, "How deep is the lake?") != []


async def test_a_citation_names_the_file_without_the_way_to_its_folder(corpus: Corpus, tmp_path: Path) -> None:
    for side in ("left", "right"):
        (tmp_path / side / "docs").mkdir(parents=True)
        (tmp_path / side / "docs" / "a.md").write_text(f"# Tower\n\nThe {side} tower is 40 metres tall.")
        (tmp_path / side / "docs" / "rows.jsonl").write_text(json.dumps({"text": f"The {side} wall is low."}))
        await corpus.ingest([tmp_path / side / "docs"], identity=ANNE)
    vector = await LocalEmbedder().embed_one("tower")
    passages = await corpus.search("How tall is the tower, and the wall?", vector, identity=ANNE)
    assert {passage["source"] for passage in passages} == {"docs/a.md", "docs/rows.jsonl"}
    assert len({passage["document_id"] for passage in passages}) == 4
    assert str(tmp_path) not in json.dumps(passages)
    assert tmp_path.name not in json.dumps(passages)
    for passage in passages:
        assert await corpus.passage(passage["id"], identity=ANNE) == {**passage, "score": 0.0}


async def test_a_link_out_of_the_folder_meant_is_refused_before_anything_is_read(
    corpus: Corpus, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "secret.md").write_text("# Secret\n\nThe vault opens with nine.")
    (folder / "link.md").symlink_to(tmp_path / "secret.md")
    with pytest.raises(NotAllowed, match="outside"):
        await corpus.ingest([folder], identity=ANNE, within=folder)
    assert await corpus.count(identity=ANNE) == 0
