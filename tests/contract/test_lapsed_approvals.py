"""Questions that wait for a person inside an agent, inside the team, inside the whole graph: decided, or lapsed."""

from pathlib import Path
from typing import Any

import pytest

from tests.clerks import QUESTION, opened, paid
from twintrack.app.answer import Answer
from twintrack.app.assemble import App
from twintrack.core.context import Identity
from twintrack.core.errors import InputError, UnknownThread
from twintrack.core.redis_client import RedisSource
from twintrack.guardrails.tools import ToolAnnotations

SHORT: dict[str, Any] = {"approvals": {"timeout_seconds": 0.001}}
ADA = Identity("default", "ada")


@pytest.fixture
def file(source: RedisSource, tmp_path: Path) -> Path:
    del source
    return tmp_path / "paid"


async def ask(app: App, question: str = QUESTION) -> Answer:
    return await app.ask(question, thread_id="t", user_id="ada")


async def resume(app: App, *decisions: str, user: str = "ada") -> Answer:
    return await app.resume("t", [{"type": one} for one in decisions] or None, user_id=user)


async def test_two_agents_that_work_at_once_both_ask_and_each_gets_its_own_decision(redis_url: str, file: Path) -> None:
    async with opened(redis_url, file) as app:
        waiting = await ask(app)
        assert waiting.status == "interrupted"
        asked = [action["name"] for one in waiting.interrupts for action in one["action_requests"]]
        assert sorted(asked) == ["pay_ann", "pay_bob"]
        assert all(one["default"] == "reject" and one["expires_at"] for one in waiting.interrupts)
        assert paid(file) == []
        done = await resume(app, *("approve" if name == "pay_bob" else "reject" for name in asked))
    assert paid(file) == ["bob:7"]
    assert done.status == "answered"
    assert "paid 7 to bob" in done.text
    assert "not approved: pay ann 7" in done.text


async def test_a_question_that_nobody_answers_in_time_is_rejected_and_the_answer_says_so(
    redis_url: str, file: Path
) -> None:
    async with opened(redis_url, file, SHORT) as app:
        assert (await ask(app)).status == "interrupted"
        done = await resume(app)
        assert "pay_ann was rejected by default, nobody decided in time" in done.reason
        assert await app.parts.waiting.of_user(ADA) == []
        with pytest.raises(InputError, match="Nothing waits"):
            await resume(app)
    assert paid(file) == []


async def test_a_decision_that_comes_too_late_is_refused_in_plain_words_and_changes_nothing(
    redis_url: str, file: Path
) -> None:
    async with opened(redis_url, file, SHORT) as app:
        await ask(app)
        with pytest.raises(InputError, match=r"came too late: the time was over at .* the default held"):
            await resume(app, "approve", "approve")
    assert paid(file) == []


async def test_what_only_reads_may_go_on_by_default_and_the_answer_says_so(redis_url: str, file: Path) -> None:
    settings = {"approvals": {"timeout_seconds": 0.001, "default": "approve_read_only"}}
    reads = ToolAnnotations(read_only=True, asked_by=frozenset({"please"}))
    async with opened(redis_url, file, settings, names=("ann",), annotation=reads) as app:
        await ask(app)
        done = await resume(app)
    assert paid(file) == ["ann:7"]
    assert "pay_ann was approved by default, nobody decided in time" in done.reason


async def test_another_question_on_the_thread_ends_what_waited_too_long_first(redis_url: str, file: Path) -> None:
    async with opened(redis_url, file, SHORT) as app:
        await ask(app)
        await ask(app, "What is 6 * 7?")
        state = await app.graph.aget_state({"configurable": {"thread_id": "t"}})
    said = [message.text for message in state.values["messages"] if message.type == "human"]
    assert [message.type for message in state.values["messages"]][:3] == ["human", "ai", "human"]
    assert said == [QUESTION, "What is 6 * 7?"]


async def test_a_sweep_ends_what_nobody_comes_back_to(redis_url: str, file: Path) -> None:
    async with opened(redis_url, file, SHORT) as app:
        await ask(app)
        assert await app.settle_lapsed() == [(ADA, "t")]
        assert await app.settle_lapsed() == []
        state = await app.graph.aget_state({"configurable": {"thread_id": "t"}})
    assert state.next == ()
    assert paid(file) == []


async def test_nobody_else_may_decide(redis_url: str, file: Path) -> None:
    async with opened(redis_url, file) as app:
        await ask(app)
        with pytest.raises(UnknownThread):
            await resume(app, "approve", "approve", user="eve")
    assert paid(file) == []


async def test_an_agent_that_a_person_must_approve_lapses_too(redis_url: str, file: Path) -> None:
    settings = {**SHORT, "team": {"approve": ["ann", "bob"]}}
    async with opened(redis_url, file, settings) as app:
        assert (await ask(app)).interrupts[0]["action_requests"][0]["name"] == "ann"
        done = await resume(app)
    assert done.status == "abstained"
    assert "ann was rejected by default, bob was rejected by default, nobody decided in time" in done.reason


async def test_every_decision_is_in_the_record_with_who_decided(redis_url: str, file: Path) -> None:
    async with opened(redis_url, file) as app:
        waiting = await ask(app)
        asked = [action["name"] for one in waiting.interrupts for action in one["action_requests"]]
        await resume(app, *("approve" if name == "pay_bob" else "reject" for name in asked))
        await app.parts.audit.flush()
        found = await app.parts.audit.list(ADA, thread="t")
        assert {(one.tool, one.decision, one.by) for one in found} == {
            ("pay_ann", "asked", "policy"),
            ("pay_bob", "asked", "policy"),
            ("pay_ann", "rejected", "person"),
            ("pay_bob", "approved", "person"),
        }
        assert {one.trace for one in found} == {waiting.trace_id}
        assert await app.parts.audit.list(Identity("default", "eve")) == []
        assert (await app.erase("ada")).decisions == len(found)
        assert await app.parts.audit.list(ADA) == []
