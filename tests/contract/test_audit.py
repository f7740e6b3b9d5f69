"""The record of decisions on tool calls: kept, walled off, capped, and never in the way of a run."""

import json
import logging
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from tests.commands import run
from twintrack.app.http_audit import audit_route
from twintrack.app.http_errors import answer_error
from twintrack.app.thread_owners import not_yours
from twintrack.core.audit import Decision, RedisAudit
from twintrack.core.context import Identity
from twintrack.core.errors import TwintrackError
from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import AuditSettings, RedisSettings
from twintrack.guardrails.tool_audit import Case, ToolAudit

ADA, BOB = Identity("acme", "ada"), Identity("acme", "bob")
ONE = Decision(
    tenant="acme",
    user="ada",
    thread="t",
    trace="tr",
    agent="clerk",
    tool="pay",
    arguments="d1",
    decision="refused",
    why="because",
    by="policy",
)


async def written(audit: RedisAudit, *decisions: Decision) -> RedisAudit:
    for one in decisions:
        audit.write(one)
    await audit.flush()
    return audit


async def test_a_decision_is_read_back_with_its_time_by_its_user_and_thread_and_erased_with_the_user(
    source: RedisSource,
) -> None:
    audit = await written(
        RedisAudit(source, AuditSettings()), ONE, replace(ONE, thread="u", tool="read"), replace(ONE, user="bob")
    )
    assert [one.tool for one in await audit.list(ADA)] == ["read", "pay"]
    (found,) = await audit.list(ADA, thread="t")
    assert replace(found, at="") == ONE
    assert found.at.endswith("+00:00")
    assert await audit.list(Identity("other", "ada")) == []
    assert len(await audit.list(ADA, everyone=True)) == 3
    assert await audit.erase(ADA) == 2
    assert await audit.list(ADA) == []
    assert len(await audit.list(BOB)) == 1


async def test_the_record_is_capped_and_leaves_after_its_days(source: RedisSource) -> None:
    audit = RedisAudit(source, AuditSettings(keep=100, keep_days=1))
    await written(audit, *(replace(ONE, thread=str(number)) for number in range(600)))
    assert 100 <= len(await audit.list(ADA, limit=1000)) <= 300
    assert 86_000 < await source.client().ttl("twintrack:audit:acme") <= 86_400
    assert await written(RedisAudit(source, AuditSettings(keep=0)), ONE) is not None
    assert len(await audit.list(ADA, thread="t")) == 0


async def test_without_redis_a_run_goes_on_and_decisions_wait_which_is_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    nowhere = RedisSource(RedisSettings.model_validate({"url": "redis://127.0.0.1:1", "timeout_s": 0.1}))
    audit = await written(RedisAudit(nowhere, AuditSettings()), ONE, ONE, ONE)
    assert [record.levelno for record in caplog.records if record.name == "twintrack.audit"] == [logging.WARNING]
    assert (audit.waiting, audit.lost) == (3, 0)
    await audit.aclose()
    assert (audit.waiting, audit.lost) == (0, 3)
    await nowhere.aclose()


async def test_a_decision_keeps_the_time_at_which_it_was_made(source: RedisSource) -> None:
    audit = RedisAudit(source, AuditSettings())
    before = datetime.now(UTC).isoformat(timespec="microseconds")
    audit.write(ONE)
    after = datetime.now(UTC).isoformat(timespec="microseconds")
    await audit.flush()
    assert before <= (await audit.list(ADA))[0].at <= after


async def test_a_decision_that_was_written_again_is_shown_once_and_an_equal_one_is_not_left_out(
    source: RedisSource,
) -> None:
    audit = await written(RedisAudit(source, AuditSettings()), ONE, ONE)
    client: Any = source.client()
    [(_, first), _] = await client.xrange("twintrack:audit:acme")
    await client.xadd("twintrack:audit:acme", first)
    assert len(await audit.list(ADA)) == 2
    assert await audit.erase(ADA) == 3


async def test_equal_arguments_have_the_same_digest_and_no_value_is_in_the_record(source: RedisSource) -> None:
    audit = RedisAudit(source, AuditSettings())
    tools = ToolAudit(audit, lambda text: text.replace("EVE", "<masked>"))
    for value in ("EVE", "EVE", "BOB"):
        case = Case("clerk", "pay", {"to": value}, None, {"configurable": {"thread_id": "t"}, "run_id": "r"})
        tools.note(case, "refused", f"'{value}' was not said by the user")
    await audit.flush()
    bob, second, first = await audit.list(Identity())
    assert first.arguments == second.arguments != bob.arguments
    assert (first.thread, first.trace, first.why) == ("t", "r", "'<masked>' was not said by the user")
    assert b"EVE" not in repr(await source.client().xrange("twintrack:audit:default")).encode()


class _Owners:
    async def claim(self, thread_id: str, identity: Identity) -> None:
        raise NotImplementedError

    async def check(self, thread_id: str, identity: Identity) -> None:
        if thread_id != "t":
            raise not_yours()


class _Ada:
    identity = "ada"
    is_authenticated = True

    def __getitem__(self, key: str) -> Any:
        return {"tenant_id": "acme", "groups": []}[key]


async def test_the_route_gives_the_callers_own_decisions_and_no_one_elses(source: RedisSource) -> None:
    audit = await written(RedisAudit(source, AuditSettings()), ONE, replace(ONE, user="bob"))
    route = audit_route(audit, _Owners())
    app = Starlette(routes=[route], exception_handlers={TwintrackError: answer_error})

    async def as_ada(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "user": _Ada()}, receive, send)

    there = httpx.ASGITransport(as_ada)
    async with httpx.AsyncClient(transport=there, base_url="http://server") as client:
        told = (await client.get("/twintrack/audit", params={"thread_id": "t"})).json()["decisions"]
        assert [(one["user"], one["tool"]) for one in told] == [("ada", "pay")]
        assert (await client.get("/twintrack/audit", params={"thread_id": "other"})).status_code == 403
        assert (await client.get("/twintrack/audit", params={"user_id": "bob"})).status_code == 403


@pytest.mark.usefixtures("source")
def test_the_commands_tell_what_was_decided_and_what_waits(redis_url: str, tmp_path: Path) -> None:
    def told(*arguments: str, **settings: str) -> Any:
        done = run(tmp_path, redis_url, *arguments, "--json", **settings)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    asks = {"TWINTRACK_TEAM__APPROVE": '["calculator"]', "TWINTRACK_APPROVALS__TIMEOUT_SECONDS": "0.01"}
    assert told("ask", "What is 17 * 23?", "--thread", "t", **asks)["status"] == "interrupted"
    assert [one["thread_id"] for one in told("approvals", "list")["waiting"]] == ["t"]
    assert told("approvals", "sweep", **asks)["ended"] == [
        {"tenant_id": "default", "user_id": "local", "thread_id": "t"}
    ]
    assert told("approvals", "list") == {"waiting": []}
    found = told("audit", "list", "--thread", "t")["decisions"]
    assert [(one["agent"], one["decision"], one["by"]) for one in found] == [
        ("calculator", "rejected", "time-out"),
        ("calculator", "asked", "policy"),
    ]
    assert told("audit", "list", "--user", "eve") == {"decisions": []}
    assert "calculator" in run(tmp_path, redis_url, "audit", "list").stdout
