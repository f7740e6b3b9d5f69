"""Settings that changed while a question waits: the policy that asked is the one that is answered."""

from pathlib import Path
from typing import Any

import pytest

from tests.clerks import QUESTION, opened, paid
from twintrack.app.assemble import App
from twintrack.core.redis_client import RedisSource
from twintrack.guardrails.tools import ToolAnnotations

FREE = ToolAnnotations()
READS = ToolAnnotations(read_only=True, asked_by=frozenset({"please"}))


@pytest.fixture
def file(source: RedisSource, tmp_path: Path) -> Path:
    del source
    return tmp_path / "paid"


async def asked(app: App) -> list[str]:
    waiting = await app.ask(QUESTION, thread_id="t", user_id="ada")
    assert waiting.status == "interrupted"
    return [action["name"] for one in waiting.interrupts for action in one["action_requests"]]


async def test_a_tool_that_needs_no_approval_by_now_is_still_not_called_against_the_decision(
    redis_url: str, file: Path
) -> None:
    async with opened(redis_url, file) as app:
        names = await asked(app)
    async with opened(redis_url, file, annotation=FREE) as app:
        decisions: list[dict[str, Any]] = [{"type": "approve" if one == "pay_bob" else "reject"} for one in names]
        done = await app.resume("t", decisions, user_id="ada")
    assert paid(file) == ["bob:7"]
    assert "not approved: pay ann 7" in done.text


async def test_an_agent_that_needs_no_approval_by_now_still_waits_for_the_decision(redis_url: str, file: Path) -> None:
    async with opened(redis_url, file, {"team": {"approve": ["ann", "bob"]}}, annotation=FREE) as app:
        assert await asked(app) == ["ann", "bob"]
    async with opened(redis_url, file, annotation=FREE) as app:
        await app.resume("t", [{"type": "reject"}, {"type": "approve"}], user_id="ada")
    assert paid(file) == ["bob:7"]


async def test_an_agent_that_needs_approval_only_by_now_is_asked_about_after_the_first_answer(
    redis_url: str, file: Path
) -> None:
    async with opened(redis_url, file, {"team": {"approve": ["bob"]}}, annotation=FREE) as app:
        assert await asked(app) == ["bob"]
    async with opened(redis_url, file, {"team": {"approve": ["ann", "bob"]}}, annotation=FREE) as app:
        again = await app.resume("t", [{"type": "approve"}], user_id="ada")
        assert [action["name"] for one in again.interrupts for action in one["action_requests"]] == ["ann"]
        assert paid(file) == []
        await app.resume("t", [{"type": "reject"}], user_id="ada")
    assert paid(file) == ["bob:7"]


@pytest.mark.parametrize(
    "later", [{"timeout_seconds": 0.001, "default": "approve_read_only"}, {"timeout_seconds": None}]
)
async def test_a_question_lapses_on_the_terms_on_which_it_was_put(
    redis_url: str, file: Path, later: dict[str, Any]
) -> None:
    async with opened(
        redis_url, file, {"approvals": {"timeout_seconds": 0.001}}, names=("ann",), annotation=READS
    ) as app:
        await asked(app)
    async with opened(redis_url, file, {"approvals": later}, names=("ann",), annotation=READS) as app:
        done = await app.resume("t", user_id="ada")
    assert paid(file) == []
    assert "pay_ann was rejected by default, nobody decided in time" in done.reason
