"""What the doctor advises mends what it found: each fault is planted, told in one line, mended as advised, and gone."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from tests.commands import run
from tests.contract.test_corpus_mismatch import Other
from tests.contract.test_corpus_walls import SETTINGS
from tests.integration.test_redis_check import bare_server, old_server, source_at, until_up
from tests.unit.test_langfuse_check import server as langfuse_server
from twintrack.app.testing import StubServer, fails, says
from twintrack.core.corpus import Corpus
from twintrack.core.redis_binaries import find_server

Checks = dict[str, dict[str, str]]


@pytest.fixture
def machine(tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> "Machine":
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    return Machine(tmp_path, redis_url)


class Machine:
    """A folder and a Redis that the doctor is asked about."""

    def __init__(self, folder: Path, redis_url: str) -> None:
        self.folder, self.redis_url = folder, redis_url

    async def asked(self, url: str | None = None, **variables: str) -> Checks:
        """Return each check by its name; every one is told in one line."""
        where = self.redis_url if url is None else url
        done = await asyncio.to_thread(lambda: run(self.folder, where, "doctor", "--json", **variables))
        checks = json.loads(done.stdout)["checks"]
        assert not [check for check in checks if "\n" in check["found"] + check["fix"]]
        assert done.returncode == int(any(check["status"] == "broken" for check in checks))
        assert all(check["fix"] for check in checks if check["status"] == "broken")
        return {check["check"]: check for check in checks}

    async def broken(self, check: str, *words: str, url: str | None = None, **variables: str) -> None:
        found = (await self.asked(url, **variables))[check]
        assert found["status"] == "broken", found
        for word in words:
            assert word in f"{found['found']} Fix: {found['fix']}"

    async def mended(self, check: str, url: str | None = None, **variables: str) -> None:
        found = (await self.asked(url, **variables))[check]
        assert found["status"] == "ok", found


@pytest.fixture
async def unsafe(tmp_path: Path) -> AsyncIterator[str]:
    """Give a server with the modules that keeps nothing, and deletes where memory is short."""
    words = [
        word
        for module, arguments in find_server(tmp_path).modules
        for word in ("--loadmodule", str(module), *arguments.split())
    ]
    with bare_server(tmp_path, *words, "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru") as url:
        async with source_at(url) as source:
            await until_up(source)
        yield url


async def test_a_server_that_is_away_or_turns_us_away(machine: Machine) -> None:
    user, _, path = machine.redis_url.partition("@")
    await machine.broken("redis", "cannot be reached", "docker run", "TWINTRACK_REDIS__URL", url="redis://127.0.0.1:1")
    await machine.broken("redis", "refused the user or", "TWINTRACK_REDIS__URL", url=f"{user}wrong@{path}")
    await machine.mended("redis")


async def test_a_server_that_is_too_old_or_has_no_modules(machine: Machine, tmp_path: Path) -> None:
    async with old_server("6.2.14", speaks_resp3=True) as old:
        await machine.broken("redis", "6.2.14", "use Redis 8", url=old)
    with bare_server(tmp_path) as bare:
        async with source_at(bare) as source:
            await until_up(source)
        await machine.broken("redis", "no query engine", "use Redis 8", url=bare)
    await machine.mended("redis modules")


async def test_what_may_lose_data_is_mended_by_the_very_commands_it_names(machine: Machine, unsafe: str) -> None:
    checks = await machine.asked(unsafe)
    assert (checks["redis persistence"]["status"], checks["redis memory policy"]["status"]) == ("note", "note")
    with Redis.from_url(unsafe) as client:
        for _ in range(2):  # each note by its own line; a table holds the last one of the name
            (command,) = re.findall("`redis-cli (.+?)`", checks["redis safety"]["fix"])
            client.execute_command(*command.split())
            checks = await machine.asked(unsafe)
    assert "redis safety" not in checks
    assert (checks["redis persistence"]["status"], checks["redis memory policy"]["status"]) == ("ok", "ok")


async def test_a_model_without_a_provider_a_key_or_a_name_that_is_known(machine: Machine) -> None:
    model = "TWINTRACK_MODELS__ANSWERER"
    await machine.broken("model: answerer", "provider:model", **{model: "nonsense"})
    await machine.broken("model: answerer", "OPENAI_API_KEY", **{model: "openai:gpt-4.1-mini"})
    async with StubServer(lambda request: says("Yes.") if request["model"] == "right" else fails(404)) as server:
        there = {"OPENAI_API_KEY": "key", "TWINTRACK_MODELS__BASE_URL": server.base_url}
        await machine.broken("model: answerer", "no such model", model, **{model: "openai:wrong"}, **there)
        await machine.mended("model: answerer", **{model: "openai:right"}, **there)


async def test_langfuse_with_half_its_keys_the_wrong_ones_or_no_server(machine: Machine) -> None:
    async with langfuse_server() as url:
        right = {"LANGFUSE_PUBLIC_KEY": "pk", "LANGFUSE_SECRET_KEY": "sk", "LANGFUSE_BASE_URL": url}
        for half in ("LANGFUSE_PUBLIC_KEY", "LANGFUSE_SECRET_KEY"):
            await machine.broken("langfuse", "one of the two keys", *right, **{half: right[half]})
        away = {**right, "LANGFUSE_BASE_URL": "http://127.0.0.1:1"}
        await machine.broken("langfuse", "does not answer", "LANGFUSE_BASE_URL", **away)
        await machine.broken("langfuse", "refuses the keys", *[*right][:2], **{**right, "LANGFUSE_SECRET_KEY": "no"})
        await machine.mended("langfuse", **right)


async def test_a_corpus_of_another_embedder_is_ingested_again_and_the_rest_dropped(
    machine: Machine, clean: str, tmp_path: Path
) -> None:
    (tmp_path / "fees.md").write_text("# Fees\n\nThe monthly fee is $15.\n")
    async with source_at(clean) as source:
        await Corpus(source, Other(), SETTINGS).ingest([tmp_path / "fees.md"])
    await machine.broken("corpus", "another embedder", "TWINTRACK_MODELS__EMBEDDER", "ingest again")
    assert (await asyncio.to_thread(lambda: run(tmp_path, clean, "ingest", "fees.md"))).returncode == 0
    partly = (await machine.asked())["corpus"]
    assert (partly["status"], "FT.DROPINDEX NAME DD" in partly["fix"]) == ("note", True)
    names = re.findall(r"\S*test-other\S*", partly["found"])
    with Redis.from_url(clean) as client:
        for name in names:
            client.execute_command("FT.DROPINDEX", name.strip(",;:()"), "DD")
    await machine.mended("corpus")


async def test_a_data_folder_that_cannot_be_written(machine: Machine, data_dir: Path) -> None:
    unset: Any = {"TWINTRACK_REDIS__URL": ""}
    await machine.broken("redis", "/proc", "TWINTRACK_REDIS__DATA_DIR", TWINTRACK_REDIS__DATA_DIR="/proc/here", **unset)
    await machine.mended("redis", TWINTRACK_REDIS__DATA_DIR=str(data_dir), **unset)


async def test_a_setting_of_the_wrong_kind(machine: Machine) -> None:
    await machine.broken("settings", "TWINTRACK_REDIS__TIMEOUT_S", TWINTRACK_REDIS__TIMEOUT_S="soon")
    await machine.mended("settings", TWINTRACK_REDIS__TIMEOUT_S="5")
