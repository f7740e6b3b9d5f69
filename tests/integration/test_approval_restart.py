"""A question outlives the process that asked it: another one applies the decision, or the default once it is too late."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.clerks import opened, paid
from twintrack.app.assemble import App
from twintrack.core.context import Identity
from twintrack.core.redis_client import RedisSource

pytestmark = pytest.mark.slow
ADA = Identity("default", "ada")


async def asked_and_killed(redis_url: str, file: Path, seconds: str = "3600") -> None:
    """Let another process ask, and die by SIGKILL while the question waits."""
    environment = {**os.environ, "TWINTRACK_APPROVALS__TIMEOUT_SECONDS": seconds}
    command = (sys.executable, "-m", "tests.clerks", redis_url, str(file), "t")
    process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=asyncio.subprocess.PIPE)
    said, _ = await process.communicate()
    assert (process.returncode, said) == (-signal.SIGKILL, b"interrupted")


async def names_asked(app: App) -> list[str]:
    state = await app.graph.aget_state({"configurable": {"thread_id": "t"}})
    return [action["name"] for one in state.interrupts for action in one.value["action_requests"]]


async def test_another_process_applies_the_decisions(redis_url: str, source: RedisSource, tmp_path: Path) -> None:
    del source
    await asked_and_killed(redis_url, tmp_path / "paid")
    async with opened(redis_url, tmp_path / "paid") as app:
        asked = await names_asked(app)
        decisions: list[dict[str, Any]] = [{"type": "approve" if one == "pay_ann" else "reject"} for one in asked]
        done = await app.resume("t", decisions, user_id="ada")
    assert paid(tmp_path / "paid") == ["ann:7"]
    assert done.status == "answered"


async def test_what_lapsed_while_no_process_ran_is_rejected_by_the_next_one(
    redis_url: str, source: RedisSource, tmp_path: Path
) -> None:
    del source
    await asked_and_killed(redis_url, tmp_path / "paid", seconds="0.01")
    async with opened(redis_url, tmp_path / "paid") as app:
        assert await app.settle_lapsed() == [(ADA, "t")]
        await app.parts.audit.flush()
        found = await app.parts.audit.list(ADA, thread="t")
        state = await app.graph.aget_state({"configurable": {"thread_id": "t"}})
    assert paid(tmp_path / "paid") == []
    assert "nobody decided in time" in state.values["answer"]["reason"]
    assert {(one.tool, one.by) for one in found if one.decision == "rejected"} == {
        ("pay_ann", "time-out"),
        ("pay_bob", "time-out"),
    }
