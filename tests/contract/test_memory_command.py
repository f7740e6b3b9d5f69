"""`twintrack memory` on a real Redis, as a person and as a program call it."""

import asyncio
import json
from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

from twintrack.app.memory import command
from twintrack.core.context import Identity
from twintrack.core.embeddings import open_embedder
from twintrack.core.errors import InputError
from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import MemorySettings, ModelSettings, RedisSettings
from twintrack.memory.schemas import Turn
from twintrack.memory.tiers import Memory

Run = Callable[..., Result]


@pytest.fixture
def run(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Fill the memory of user `ann` and give the command; everything is deleted before."""
    monkeypatch.setenv("TWINTRACK_REDIS__URL", redis_url)
    asyncio.run(_fill(redis_url))
    return lambda *arguments, **options: CliRunner().invoke(command, [*arguments, "--user", "ann"], **options)


async def _fill(redis_url: str) -> None:
    source = RedisSource(RedisSettings.model_validate({"url": redis_url}))
    await source.client().flushall()
    memory = Memory(source, open_embedder(ModelSettings()), MemorySettings())
    for number, said in enumerate(["I live in [bold]Paris.", "I live in Rome.", "我对花生过敏。"]):
        turn = Turn(thread_id="t", turn_id=str(number), question=said, answer="Ok.", route="direct", status="answered")
        await memory.remember(turn, identity=Identity("default", "ann"))
    await source.aclose()


def test_the_list_shows_what_holds_and_on_request_what_was_replaced(run: Run) -> None:
    shown = run("list").output
    assert "Rome" in shown
    assert "Facts" in shown
    listed = json.loads(run("list", "--json").output)
    assert [fact["text"] for fact in listed["facts"]] == ["I live in Rome.", "我对花生过敏。"]
    assert len(listed["episodes"]) == 3
    assert len(json.loads(run("list", "--replaced", "--json").output)["facts"]) == 3


def test_recall_shows_the_best_first(run: Run) -> None:
    found = json.loads(run("recall", "What food must I avoid? 我对什么过敏？", "--json").output)
    assert found["facts"][0]["text"] == "我对花生过敏。"


def test_a_fact_is_forgotten_by_its_id_and_only_once(run: Run) -> None:
    fact = json.loads(run("list", "--json").output)["facts"][0]
    assert json.loads(run("forget", fact["id"], "--json").output) == {"forgotten": fact["id"]}
    again = run("forget", fact["id"])
    assert again.exit_code == 1
    assert isinstance(again.exception, InputError)
    assert "memory list" in str(again.exception)


def test_the_export_is_one_record_a_line(run: Run) -> None:
    lines = [json.loads(line) for line in run("export").output.splitlines()]
    assert sorted(line["tier"] for line in lines) == ["episode"] * 3 + ["fact"] * 3
    assert len(json.loads(run("export", "--json").output)["records"]) == 6


def test_erase_asks_first_and_then_leaves_nothing(run: Run) -> None:
    assert run("erase", input="n\n").exit_code == 1
    assert len(json.loads(run("list", "--json").output)["episodes"]) == 3
    assert json.loads(run("erase", "--yes", "--json").output)["erased"] == 6
    assert run("list").output == "Nothing is remembered.\n"
    assert json.loads(run("erase", "--yes", "--json").output)["erased"] == 0
