"""A run on a server begins at a version that is there, and answers a question that waits, or is turned away."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.clerks import QUESTION, opened, paid
from twintrack.app.assemble import App
from twintrack.app.run_start import check_start
from twintrack.core.errors import Conflict, InputError, UnknownVersion
from twintrack.core.redis_client import RedisSource

APPROVED = {"decisions": [{"type": "approve"}]}
UNKNOWN = "1f0c0000-0000-6000-8000-000000000000"


@pytest.fixture
async def app(redis_url: str, source: RedisSource, tmp_path: Path) -> AsyncIterator[App]:
    del source
    async with opened(redis_url, tmp_path / "paid", {}, names=("ann",)) as app:
        yield app


async def begin(app: App, thread: str | None, answer: Any = None, version: str = "", *, says: Any = None) -> None:
    where = {"checkpoint_id": version} if version else {}
    command = None if answer is None else {"resume": answer}
    run = {"config": {"configurable": where}, "input": says, "command": command}
    saver: Any = app.graph.checkpointer
    await check_start(saver, {"thread_id": thread, "kwargs": run}, app.parts.masker)


async def test_an_answer_to_a_question_that_waits_is_let_in_once(app: App, tmp_path: Path) -> None:
    await app.ask(QUESTION, thread_id="t")
    await begin(app, "t", APPROVED)
    (waiting,) = (await app.graph.aget_state({"configurable": {"thread_id": "t"}})).interrupts
    await begin(app, "t", {waiting.id: APPROVED})
    await app.resume("t", APPROVED["decisions"])
    with pytest.raises(Conflict, match="Nothing on this thread waits"):
        await begin(app, "t", APPROVED)
    assert len(paid(tmp_path / "paid")) == 1


@pytest.mark.parametrize(
    "answer",
    [
        True,
        "yes",
        [],
        {},
        {"decisions": []},
        {"decisions": [{"type": "accept"}]},
        {"decisions": [{"type": "edit"}]},
        {"decisions": [{"type": "approve"}] * 2},
        {"other": APPROVED},
    ],
)
async def test_an_answer_that_cannot_be_used_is_turned_away_and_the_question_waits(app: App, answer: Any) -> None:
    await app.ask(QUESTION, thread_id="t")
    with pytest.raises(InputError) as refused:
        await begin(app, "t", answer)
    assert refused.value.fix
    assert (await app.resume("t", APPROVED["decisions"])).status == "answered"


async def test_of_several_questions_each_answer_names_its_own(redis_url: str, tmp_path: Path) -> None:
    async with opened(redis_url, tmp_path / "paid") as app:
        await app.ask(QUESTION, thread_id="t")
        waiting = (await app.graph.aget_state({"configurable": {"thread_id": "t"}})).interrupts
        await begin(app, "t", {one.id: APPROVED for one in waiting})
        await begin(app, "t", {waiting[0].id: APPROVED})
        with pytest.raises(InputError, match="names none of them"):
            await begin(app, "t", {"decisions": [{"type": "approve"}] * 2})


async def test_nothing_waits_on_a_thread_without_a_turn(app: App) -> None:
    with pytest.raises(Conflict):
        await begin(app, "new", APPROVED)


async def test_a_version_that_is_not_there_is_turned_away(app: App) -> None:
    await app.ask(QUESTION, thread_id="t")
    await begin(app, "t", version=(await app.versions.list("t"))[0].id)
    with pytest.raises(UnknownVersion):
        await begin(app, "t", version=UNKNOWN)


async def test_what_neither_answers_nor_names_a_version_begins(app: App) -> None:
    await begin(app, None, APPROVED, UNKNOWN)
    await begin(app, "new", says={"messages": []})


async def test_a_run_that_says_nothing_needs_a_thread_to_go_on_with(app: App) -> None:
    with pytest.raises(InputError, match="nothing on this thread to go on with") as refused:
        await begin(app, "new")
    assert "messages" in refused.value.fix
    await app.ask(QUESTION, thread_id="t")
    await begin(app, "t")
    await begin(app, "t", version=(await app.versions.list("t"))[0].id)


async def test_the_state_of_a_version_that_is_not_there_is_an_error(app: App) -> None:
    where = {"thread_id": "t", "checkpoint_ns": ""}
    assert (await app.graph.aget_state({"configurable": where})).created_at is None
    await app.ask(QUESTION, thread_id="t")
    with pytest.raises(UnknownVersion, match=f"no version '{UNKNOWN}'"):
        await app.graph.aget_state({"configurable": {**where, "checkpoint_id": UNKNOWN}})
    state = await app.graph.aget_state({"configurable": where}, subgraphs=True)
    assert (await app.graph.aget_state(state.config)).values == state.values
