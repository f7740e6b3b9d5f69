"""The ways through the graph, told apart and added up from the traces that a turn leaves anyway."""

from pathlib import Path
from typing import Any

import pytest

from tests.unit.test_patterns import crew, fails, finds, hands_to, row
from twintrack.app.assemble import open_app
from twintrack.app.show_modes import read_modes
from twintrack.core.context import Identity
from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import Settings
from twintrack.core.trace_modes import Mode
from twintrack.graphs.agent_row import AgentSpec

SUM = "What is 2 + 3?"
UNKNOWN = "Who is the king of the mill?"
KNOWN = "What is the monthly fee of the Blue Account?"


def worker(name: str, does: Any = finds) -> AgentSpec:
    return row(name, does, computes=True)


PEERS = crew(worker("front", hands_to("back", "found the door")), worker("back"))
TEAM = AgentSpec(name="archive", purpose="Looks up.", members=(worker("clerk"),))


async def ask(url: str, question: str, *rows: AgentSpec, user: str = "ada") -> None:
    async with open_app(Settings.model_validate({"redis": {"url": url}}), agents=rows) as app:
        await app.corpus.ingest(["fees.md"])
        await app.ask(question, thread_id=user, user_id=user)


@pytest.fixture(autouse=True)
def here(redis_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TWINTRACK_REDIS__URL", redis_url)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fees.md").write_text("# Blue Account\n\nThe monthly fee of the Blue Account is $15.\n")


@pytest.mark.parametrize(
    ("question", "rows", "way", "pattern"),
    [
        (KNOWN, [worker("east")], "direct", ""),
        (SUM, [worker("east")], "team", "supervisor"),
        (SUM, [PEERS], "team", "peers"),
        (SUM, [TEAM], "team", "teams"),
        (UNKNOWN, [worker("east")], "direct > team", "supervisor"),
        (SUM, [worker("east", fails)], "team > direct", "supervisor"),
    ],
)
async def test_a_turns_way_and_pattern_are_read_from_its_trace(
    source: RedisSource, redis_url: str, question: str, rows: list[AgentSpec], way: str, pattern: str
) -> None:
    await ask(redis_url, question, *rows)
    [found] = await read_modes(Identity("default", "ada"))
    assert (found.way, found.pattern, found.turns) == (way, pattern, 1)
    assert found.degraded == (way == "team > direct")
    assert (found.coordination is None) == (way == "direct")
    assert 0 < found.seconds_p50 <= found.seconds_p95


async def test_everyones_turns_are_those_of_one_tenant_however_users_are_called(
    source: RedisSource, redis_url: str
) -> None:
    for user in ("ada", "b:ob *"):
        await ask(redis_url, SUM, worker("east"), user=user)
    everyone = await read_modes(Identity("default", "ada"), everyone=True)
    assert [_counted(one) for one in everyone] == [("team", 2, {"answered": 2})]
    assert [_counted(one) for one in await read_modes(Identity("default", "ada"))] == [("team", 1, {"answered": 1})]
    assert await read_modes(Identity("def", "ada"), everyone=True) == []


def _counted(found: Mode) -> tuple[str, int, dict[str, int]]:
    return found.way, found.turns, found.statuses
