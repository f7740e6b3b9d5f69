"""Several runs on one thread at once: in the order they came, refused, or the last one alone."""

import asyncio
from typing import Any

import pytest
from langchain_core.messages import AIMessage

from tests.contract.conftest import WHO, Opener
from tests.hesitant import Hesitant
from tests.waiting import PATIENCE_S, until
from twintrack.app.answer import Answer
from twintrack.app.assemble import App
from twintrack.core.errors import Conflict, UnknownThread

QUESTIONS = [
    "How tall is the lighthouse?",
    "Who founded the library of Lindwick?",
    "茶园的主人是谁?",
    "How many books does the library hold?",
    "Who is the harbour master?",
]


async def ask(app: App, question: str, thread: str = "t") -> Answer:
    return await app.ask(question, thread_id=thread, user_id=WHO.user_id)


async def said(app: App, thread: str = "t") -> list[str]:
    """Return the thread's messages, and check that every question is followed by its own answer."""
    config: Any = {"configurable": {"thread_id": thread}}
    messages = (await app.graph.aget_state(config)).values["messages"]
    assert [message.type for message in messages] == ["human", "ai"] * (len(messages) // 2)
    return [message.text for message in messages]


async def test_questions_at_once_are_answered_one_by_one_in_the_order_they_came(app: App) -> None:
    for repeat in range(4):
        thread = f"t{repeat}"
        answers = await asyncio.gather(*(ask(app, question, thread) for question in QUESTIONS))
        expected = [text for pair in zip(QUESTIONS, answers, strict=True) for text in (pair[0], pair[1].text)]
        assert await said(app, thread) == expected
        assert [answer.version for answer in answers] == sorted({answer.version for answer in answers})
    assert not app.runs._locks


async def test_streams_and_questions_of_two_processes_wait_for_each_other_too(opener: Opener) -> None:
    async def stream(app: App, question: str) -> None:
        async for _ in app.stream(question, thread_id="t", user_id=WHO.user_id):
            await asyncio.sleep(0)

    async with opener() as app, opener(ingest=False) as other:
        await asyncio.gather(
            ask(app, QUESTIONS[0]), stream(other, QUESTIONS[1]), ask(other, QUESTIONS[2]), stream(app, QUESTIONS[3])
        )
        texts = await said(app)
    assert sorted(texts[::2]) == sorted(QUESTIONS[:4])
    assert len(texts) == 8


async def test_a_stream_given_up_half_way_leaves_its_thread_free(app: App) -> None:
    stream: Any = app.stream(QUESTIONS[0], thread_id="t", user_id=WHO.user_id)
    async for _ in stream:
        break
    await stream.aclose()
    await asyncio.wait_for(ask(app, QUESTIONS[1]), PATIENCE_S)


async def test_a_stranger_does_not_even_get_into_the_queue(app: App) -> None:
    await ask(app, QUESTIONS[0])
    async with app.runs.alone(app.graph.checkpointer, "t", WHO):
        with pytest.raises(UnknownThread):
            await asyncio.wait_for(app.ask(QUESTIONS[1], thread_id="t", user_id="eve"), PATIENCE_S)


async def test_a_second_question_is_refused_where_the_setting_says_so(opener: Opener) -> None:
    async with opener({"checkpoints": {"concurrent_runs": "reject"}}) as app:
        done = await asyncio.gather(*(ask(app, question) for question in QUESTIONS[:3]), return_exceptions=True)
        assert sorted(type(one).__name__ for one in done) == ["Answer", "Conflict", "Conflict"]
        assert len(await said(app)) == 2
        await ask(app, QUESTIONS[3])


async def test_the_last_question_alone_is_answered_where_the_setting_says_so(opener: Opener) -> None:
    slow = Hesitant(script=lambda _: AIMessage("It was written. [1]"))
    async with opener({"checkpoints": {"concurrent_runs": "replace"}}, models={"answerer": slow}) as app:
        first = asyncio.create_task(ask(app, QUESTIONS[0]))
        await until(slow.is_asked)
        asking = asyncio.create_task(ask(app, QUESTIONS[1]))
        with pytest.raises(Conflict, match="Another run works on thread 't'"):
            await first
        slow.go_on()
        second = await asking
        config: Any = {"configurable": {"thread_id": "t"}}
        messages = (await app.graph.aget_state(config)).values["messages"]
    assert second.status == "answered"
    assert [message.text for message in messages] == [QUESTIONS[0], QUESTIONS[1], second.text]


async def test_waiting_for_a_thread_ends(opener: Opener) -> None:
    async with opener({"budgets": {"max_seconds": 0.3}}) as app, app.runs.alone(app.graph.checkpointer, "t", WHO):
        with pytest.raises(Conflict, match=r"'t' for 0\.3 seconds"):
            await ask(app, QUESTIONS[0])
