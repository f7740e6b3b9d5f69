"""The summary of what fell out of the window is bounded, grows once per message and follows a rollback."""

from typing import Any

import pytest
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage, SystemMessage

from twintrack.app.testing import ScriptedChatModel
from twintrack.core.errors import BudgetExceeded, ModelUnavailable
from twintrack.memory.schemas import Summary
from twintrack.memory.summary import EMPTY, before_window, summarise, summarised


def talk(turns: int) -> list[AnyMessage]:
    return [
        message
        for i in range(turns)
        for message in (
            HumanMessage(f"Question {i}? More of it.", id=f"h{i}"),
            AIMessage(f"Answer {i}. More of it.", id=f"a{i}"),
        )
    ]


def test_it_holds_each_question_with_the_first_sentence_of_its_answer() -> None:
    assert summarised(EMPTY, talk(2), max_chars=1000) == Summary(
        text="- Question 0? → Answer 0.\n- Question 1? → Answer 1.", last_id="a1"
    )


def test_growing_it_step_by_step_gives_the_same_as_at_once() -> None:
    grown = EMPTY
    for turns in range(1, 6):
        grown = summarised(grown, talk(turns), max_chars=1000)
    assert grown == summarised(EMPTY, talk(5), max_chars=1000)


def test_the_same_messages_again_change_nothing() -> None:
    once = summarised(EMPTY, talk(5), max_chars=1000)
    assert summarised(once, talk(5), max_chars=1000) == once


def test_it_is_bounded_and_keeps_the_first_question_and_the_newest_turns() -> None:
    summary = summarised(EMPTY, talk(100), max_chars=300)
    assert len(summary["text"]) <= 300
    assert "Question 0?" in summary["text"]
    assert "Question 99?" in summary["text"]
    grown = summarised(summary, talk(101), max_chars=300)
    assert grown["text"].count("…") == 1


def test_after_a_rollback_it_forgets_the_turns_taken_back() -> None:
    ahead = summarised(EMPTY, talk(9), max_chars=1000)
    assert summarised(ahead, talk(2), max_chars=1000) == summarised(EMPTY, talk(2), max_chars=1000)


def test_chinese_sentences_end_where_they_end() -> None:
    gone: list[AnyMessage] = [
        HumanMessage("利率是多少？我想知道。", id="h"),
        AIMessage("利率是百分之三。详情如下。", id="a"),
    ]
    assert summarised(EMPTY, gone, max_chars=500)["text"] == "- 利率是多少？ → 利率是百分之三。"


def test_only_what_precedes_the_window_is_summarised() -> None:
    messages = [SystemMessage("be kind"), *talk(4)]
    assert before_window(messages, [messages[0], *messages[5:]]) == messages[1:5]
    assert before_window(messages, messages) == []


async def test_a_model_sees_the_old_summary_and_the_new_messages_only() -> None:
    seen: list[list[BaseMessage]] = []

    class Model(FakeListChatModel):
        def _call(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> str:
            seen.append(messages)
            return "They spoke."

    model = Model(responses=["unused"])
    old = Summary(text="They met.", last_id="a1")
    written = await summarise(old, talk(5), model, max_chars=1000)
    assert written == Summary(text="They spoke.", last_id="a4", by="model")
    assert "They met." in seen[0][1].text
    assert "Question 4?" in seen[0][1].text
    assert "Question 1?" not in seen[0][1].text
    assert await summarise(written, talk(7), model, max_chars=1000) == written
    assert await summarise(EMPTY, talk(2), model, max_chars=1000) == EMPTY
    assert len(seen) == 1


@pytest.mark.parametrize(
    "line", [ModelUnavailable("It is gone.", fix="wait"), BudgetExceeded("All spent.", fix="-"), " "]
)
async def test_where_the_model_fails_the_summary_is_quoted(line: Exception | str) -> None:
    model = ScriptedChatModel(script=[line])
    assert await summarise(EMPTY, talk(5), model, max_chars=1000) == summarised(EMPTY, talk(5), max_chars=1000)
