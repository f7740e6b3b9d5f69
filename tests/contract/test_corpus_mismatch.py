"""A corpus that was read in with another embedder is named at the start, wholly or partly, and so is what to do."""

import asyncio
import json
import logging
from pathlib import Path

import pytest

from tests.commands import run
from tests.contract.test_corpus_walls import ANNE, SETTINGS, Alike, write
from twintrack.core.corpus import Corpus
from twintrack.core.redis_client import RedisSource


class Other(Alike):
    name = "test:other"


async def test_a_corpus_read_in_with_another_embedder_is_told(source: RedisSource, tmp_path: Path) -> None:
    before, now = Corpus(source, Alike(), SETTINGS), Corpus(source, Other(), SETTINGS)
    assert await now.mismatch() is None
    await before.ingest([write(tmp_path / "m", "menu")], identity=ANNE)
    found = await now.mismatch()
    assert found is not None
    assert not found.partly
    assert "1 under twintrack-corpus-default--test-alike" in found.problem
    assert "TWINTRACK_MODELS__EMBEDDER" in found.fix
    assert await before.mismatch() is None


async def test_a_corpus_read_in_again_in_part_is_told(source: RedisSource, tmp_path: Path) -> None:
    before, now = Corpus(source, Alike(), SETTINGS), Corpus(source, Other(), SETTINGS)
    await before.ingest([write(tmp_path / "m", "menu"), write(tmp_path / "n", "map")], identity=ANNE)
    await now.ingest([tmp_path / "m"], identity=ANNE)
    found = await now.mismatch()
    assert found is not None
    assert found.partly
    assert "only the 1 under twintrack-corpus-default--test-other" in found.problem


async def test_the_application_says_so_once_when_it_opens(
    source: RedisSource, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from twintrack import open_app
    from twintrack.core.settings import Settings

    await Corpus(source, Other(), SETTINGS).ingest([write(tmp_path / "m", "menu")], identity=ANNE)
    tree = Settings.model_validate({"redis": {"url": source.settings.url}, "retrieval": {"vector_index": "flat"}})
    with caplog.at_level(logging.WARNING, "twintrack"):
        async with open_app(tree):
            pass
    assert [record.message for record in caplog.records if "read in for another embedder" in record.message]


async def test_doctor_calls_it_broken(source: RedisSource, redis_url: str, tmp_path: Path) -> None:
    await Corpus(source, Other(), SETTINGS).ingest([write(tmp_path / "m", "menu")], identity=ANNE)
    done = await asyncio.to_thread(run, tmp_path, redis_url, "doctor", "--json")
    [corpus] = [check for check in json.loads(done.stdout)["checks"] if check["check"] == "corpus"]
    assert (corpus["status"], done.returncode) == ("broken", 1)
    assert "test-other" in corpus["found"]
