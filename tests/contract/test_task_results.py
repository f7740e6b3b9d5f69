"""Equal tasks of agents over all runs and processes: done once, inside exact walls, and only where the result is whole."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.tools import StructuredTool
from redis.exceptions import ConnectionError as LostConnection

from tests.contract.conftest import TEXTS, WHO, Opener
from tests.stubbed_models import COMPLEX
from twintrack.app.answer import Answer
from twintrack.app.assemble import App
from twintrack.app.testing import ScriptedChatModel
from twintrack.core.answer_counts import read_stats
from twintrack.core.context import Identity
from twintrack.core.errors import SettingsError
from twintrack.core.flights import Flights
from twintrack.core.redis_client import RedisSource
from twintrack.graphs.agent_row import AgentSpec
from twintrack.guardrails.argument_rules import ArgumentRule
from twintrack.guardrails.tools import ToolAnnotations
from twintrack.nodes import given_again, reuse

KEEPS: dict[str, Any] = {
    "team": {"agents": {"researcher": {"cache_seconds": 3600}, "calculator": {"cache_seconds": 3600}}}
}
BO, RIVAL = Identity("default", "bo"), Identity("rival", "ada")
READS = {"look": ToolAnnotations(read_only=True)}


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a busy machine take its time."""
    for module in (reuse, given_again):
        monkeypatch.setattr(module, "PATIENCE_S", 10.0)


async def ask(app: App, question: str = COMPLEX, who: Identity = WHO, thread: str | None = None) -> Answer:
    return await app.ask(question, thread_id=thread, user_id=who.user_id, tenant_id=who.tenant_id)


def again(answer: Answer) -> list[str]:
    assert answer.status == "answered", answer
    return sorted(step.agent for step in answer.steps if step.again)


class Looker:
    """A clerk whom a model plays and who looks one thing up; looking can be held up, and may fail."""

    def __init__(self) -> None:
        self.looks = 0
        self.heard: set[str] = set()
        self.looking = asyncio.Event()
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()
        self.fails = False
        self.prompt = "You look things up."

    def opened(self, opener: Opener, settings: dict[str, Any] | None = None, **row: Any) -> Any:
        tool = StructuredTool.from_function(coroutine=self._look, name="look", description="Look.")
        fields = {"purpose": "Looks.", "tools": (tool,), "computes": True, "cache_seconds": 3600.0, **row}
        models = {"agent": ScriptedChatModel(script=self._says), "planner": ScriptedChatModel(script=_plans)}
        rows = (AgentSpec(name="clerk", prompt=self.prompt, **fields),)
        return opener(settings, agents=rows, annotations=READS, models=models, ingest=False)

    def _says(self, messages: list[BaseMessage]) -> AIMessage:
        self.heard |= {str(one.text) for one in messages if one.type == "human"}
        results = [one for one in messages if one.type == "tool"]
        if not results:
            return AIMessage("", tool_calls=[{"id": "1", "name": "look", "args": {}}])
        return AIMessage(f"It says: {results[-1].text}")

    async def _look(self) -> str:
        self.looks += 1
        self.looking.set()
        await self.may_go_on.wait()
        if self.fails:
            raise ValueError("nothing to see")
        return "the value is 4711"


def _plans(_: Any) -> AIMessage:
    steps = [{"id": "a", "agent": "clerk", "task": "look it up", "depends_on": []}]
    return AIMessage("", tool_calls=[{"id": "plan", "name": "Plan", "args": {"steps": steps}}])


async def test_another_run_gets_what_the_agents_found_before_and_says_so(opener: Opener) -> None:
    async with opener(KEEPS) as app:
        first = await ask(app)
        assert again(first) == []
    async with opener(KEEPS, ingest=False) as app:
        second = await ask(app)
        trace = await app.trace(second, user_id=WHO.user_id)
        stats = await read_stats(app.parts.source, "default")
    assert again(second) == ["calculator", "researcher", "researcher"]
    assert (second.text, second.citations) == (first.text, first.citations)
    assert second.coordination is not None
    assert second.coordination.again == 3
    assert second.usage.tool_calls < first.usage.tool_calls
    assert trace is not None
    assert trace.labels["tasks_given_again"] == "3"
    assert (stats["task_entries"], stats["task_hits"], stats["task_misses"]) == (3, 3, 3)


async def test_nothing_is_kept_of_an_agent_whose_row_names_no_time(opener: Opener, source: RedisSource) -> None:
    async with opener() as app:
        await ask(app)
        assert again(await ask(app)) == []
    assert [name async for name in source.client().scan_iter("twintrack:agent-*")] == []


async def test_what_rests_on_documents_of_all_is_given_to_all_in_the_tenant_and_to_no_other(opener: Opener) -> None:
    async with opener(KEEPS) as app:
        await ask(app)
        assert again(await ask(app, who=BO)) == ["calculator", "researcher", "researcher"]
        assert not any(step.again for step in (await ask(app, who=RIVAL)).steps)


async def test_what_rests_on_a_users_own_document_is_given_to_nobody_else(opener: Opener, tmp_path: Path) -> None:
    (tmp_path / "own.md").write_text("# Diary\n\nThe night watchman of Lindwick is Ole Brask.\n", encoding="utf-8")
    question = "Who is the night watchman of Lindwick? Also compute 17 * 23."
    async with opener(KEEPS) as app:
        await app.corpus.ingest([tmp_path / "own.md"], identity=WHO, private=True)
        assert "Ole Brask" in (await ask(app, question)).text
        assert "researcher" in again(await ask(app, question))
        assert "Ole Brask" not in (await ask(app, question, who=BO)).text


async def test_another_corpus_prompt_or_setting_makes_the_task_another(opener: Opener, tmp_path: Path) -> None:
    async with opener(KEEPS) as app:
        await ask(app)
        (tmp_path / "harbour.md").write_text(TEXTS["harbour.md"].replace("Greta Holm", "Nils Falk"), encoding="utf-8")
        await app.corpus.ingest([tmp_path / "harbour.md"], identity=WHO)
        changed = await ask(app)
    assert again(changed) == ["calculator"]
    assert "Nils Falk" in changed.text
    looker = Looker()
    for prompt in ("You look things up.", "You look closely.", "You look closely."):
        looker.prompt = prompt
        async with looker.opened(opener) as app:
            await ask(app)
    assert looker.looks == 2


async def test_of_equal_tasks_at_once_in_two_processes_one_is_done(opener: Opener, told: asyncio.Event) -> None:
    looker = Looker()
    looker.may_go_on.clear()
    async with looker.opened(opener) as one, looker.opened(opener) as other:
        waiting = [asyncio.create_task(ask(app)) for app in (one, other)]
        await asyncio.gather(looker.looking.wait(), told.wait())
        looker.may_go_on.set()
        answers = await asyncio.gather(*waiting)
    assert looker.looks == 1
    assert sorted(again(answer) for answer in answers) == [[], ["clerk"]]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Give what is set once somebody waits for another's result."""
    waits, wait = asyncio.Event(), Flights.wait

    async def noted(self: Flights, *given: Any, **how: Any) -> Any:
        waits.set()
        return await wait(self, *given, **how)

    monkeypatch.setattr(Flights, "wait", noted)
    return waits


async def test_who_waits_does_the_work_himself_where_the_other_is_stopped(opener: Opener, told: asyncio.Event) -> None:
    looker = Looker()
    looker.may_go_on.clear()
    async with looker.opened(opener) as one, looker.opened(opener) as other:
        stopped = asyncio.create_task(ask(one))
        await looker.looking.wait()
        waits = asyncio.create_task(ask(other))
        await told.wait()
        stopped.cancel()
        await asyncio.gather(stopped, return_exceptions=True)
        looker.may_go_on.set()
        assert again(await waits) == []
    assert looker.looks == 2


@pytest.mark.parametrize("row", [{"model_calls": 2}, {"tokens": 1}])
async def test_what_was_cut_short_is_not_kept(opener: Opener, row: dict[str, Any]) -> None:
    looker = Looker()
    async with looker.opened(opener, **row) as app:
        await ask(app)
        await ask(app)
        assert (await read_stats(app.parts.source, "default"))["task_entries"] == 0


async def test_what_a_failure_left_is_not_kept(opener: Opener) -> None:
    looker = Looker()
    looker.fails = True
    async with looker.opened(opener) as app:
        await ask(app)
        looker.fails = False
        assert "4711" in (await ask(app)).text


async def test_an_agent_whose_results_are_kept_is_told_nothing_of_the_user(opener: Opener) -> None:
    looker = Looker()
    async with looker.opened(opener) as app:
        await ask(app, "Compare the books that I borrowed with those of Bob. Also compute 17 * 23.")
        await ask(app)
    assert looker.heard == {"look it up"}


async def test_a_task_that_holds_personal_data_or_a_moment_is_done_each_time(opener: Opener) -> None:
    async with opener(KEEPS) as app:
        for question in (
            f"{COMPLEX} My mail is one@example.org.",
            "Who is the harbour master today? Also who is 王小梅?",
        ):
            await ask(app, question)
        client: Any = app.parts.source.client()
        held = [name async for name in client.scan_iter("twintrack:agent-result:*")]
        kept = [await client.hget(name, "data") or b"" for name in held]
    assert not any(b"mail" in one or b"today" in one for one in kept)


async def test_a_tool_of_ones_own_may_answer_each_user_differently_so_its_results_are_theirs(opener: Opener) -> None:
    looker = Looker()
    async with looker.opened(opener) as app:
        for who in (WHO, BO, WHO):
            await ask(app, who=who)
    assert looker.looks == 2


async def test_without_the_cache_the_work_is_done(opener: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opener(KEEPS) as app:
        results = app.parts.resources.results
        assert results is not None

        async def lost(*_: Any, **__: Any) -> Any:
            raise LostConnection("gone")

        for name in ("look", "keep", "count"):
            monkeypatch.setattr(results, name, lost)
        assert again(await ask(app)) == []


async def test_erasing_a_user_undoing_a_turn_and_clearing_take_results_out(opener: Opener, source: RedisSource) -> None:
    async def kept() -> int:
        return (await read_stats(source, "default"))["task_entries"]

    async with opener(KEEPS) as app:
        await ask(app)
        assert await kept() == 3
        exported = [one async for one in app.memory.export(WHO.user_id) if one["tier"] == "answer"]
        assert {one["agent"] for one in exported} == {"calculator", "researcher"}
        await app.erase(WHO.user_id)
        assert await kept() == 0
        first = await ask(app, "How tall is the lighthouse?", thread="t")
        await ask(app, thread="t")
        assert await kept() > 0
        await app.versions.rollback("t", first.version, reason="test", actor="ada", identity=WHO)
        assert await kept() == 0


@pytest.mark.parametrize(
    ("row", "known", "why"),
    [
        ({}, ToolAnnotations(), "only read"),
        ({"members": (AgentSpec(name="m", purpose="M."),)}, READS["look"], "only read"),
        ({"reads": frozenset({"files"})}, READS["look"], "reads files"),
        ({}, ToolAnnotations(read_only=True, asked_by=frozenset({"please"})), "depends on who asks"),
        ({}, ToolAnnotations(read_only=True, arguments={"to": ArgumentRule(from_user=True)}), "depends on who asks"),
    ],
)
async def test_a_row_whose_results_are_not_everyones_to_keep_is_refused(
    opener: Opener, monkeypatch: pytest.MonkeyPatch, row: dict[str, Any], known: ToolAnnotations, why: str
) -> None:
    monkeypatch.setitem(READS, "look", known)
    with pytest.raises(SettingsError, match=why):
        async with Looker().opened(opener, **row):
            pass
