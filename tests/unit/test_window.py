"""The window a model sees is always a conversation it accepts."""

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage, ToolMessage

from twintrack.memory.working import tokens, window

_texts = st.text(alphabet="ab 你好", max_size=60)
_numbers = count()


@st.composite
def _calls(draw: st.DrawFn) -> list[AnyMessage]:
    """Return a call of one or two tools with their results, one of which may be missing."""
    ids = [f"call-{next(_numbers)}" for _ in range(draw(st.integers(1, 2)))]
    calls = [{"name": "look", "args": {"at": draw(_texts)}, "id": each, "type": "tool_call"} for each in ids]
    answered = ids if draw(st.booleans()) else ids[:-1]
    return [AIMessage(draw(_texts), tool_calls=calls), *(ToolMessage(draw(_texts), tool_call_id=i) for i in answered)]


_pieces = st.one_of(
    st.builds(lambda text: [HumanMessage(text)], _texts),
    st.builds(lambda text: [AIMessage(text)], _texts),
    st.builds(lambda text: [ToolMessage(text, tool_call_id="stray")], _texts),
    _calls(),
)
_talks = st.builds(
    lambda lead, pieces: [*(SystemMessage(text) for text in lead), *(message for piece in pieces for message in piece)],
    st.lists(_texts, max_size=1),
    st.lists(_pieces, max_size=12),
)
_limits = st.tuples(st.integers(1, 20), st.integers(1, 400))


@given(_talks, _limits)
def test_a_tool_call_and_its_results_stay_together_or_go_together(
    talk: list[AnyMessage], limits: tuple[int, int]
) -> None:
    kept = window(talk, max_messages=limits[0], max_tokens=limits[1])
    called: list[str | None] = []
    for message in kept:
        if isinstance(message, ToolMessage):
            assert message.tool_call_id in called
            called.remove(message.tool_call_id)
        else:
            assert not called, "a call went on without its result"
            called = [call["id"] for call in message.tool_calls] if isinstance(message, AIMessage) else []
    assert not called


@given(_talks, _limits)
def test_a_window_starts_with_a_human_after_the_system(talk: list[AnyMessage], limits: tuple[int, int]) -> None:
    kept = [m for m in window(talk, max_messages=limits[0], max_tokens=limits[1]) if not isinstance(m, SystemMessage)]
    assert not kept or isinstance(kept[0], HumanMessage)


@given(_talks, _limits)
def test_only_the_last_question_and_the_system_message_may_exceed_the_limits(
    talk: list[AnyMessage], limits: tuple[int, int]
) -> None:
    kept = window(talk, max_messages=limits[0], max_tokens=limits[1])
    within = len(kept) <= limits[0] and sum(map(tokens, kept)) <= limits[1]
    assert within or all(isinstance(message, SystemMessage | HumanMessage) for message in kept)
    assert within or sum(isinstance(message, HumanMessage) for message in kept) <= 1


@given(_talks, _limits)
def test_a_window_of_a_window_is_itself(talk: list[AnyMessage], limits: tuple[int, int]) -> None:
    once = window(talk, max_messages=limits[0], max_tokens=limits[1])
    assert window(once, max_messages=limits[0], max_tokens=limits[1]) == once


@given(_talks, _limits)
def test_the_last_question_is_never_lost(talk: list[AnyMessage], limits: tuple[int, int]) -> None:
    questions = [message for message in talk if isinstance(message, HumanMessage)]
    kept = window(talk, max_messages=limits[0], max_tokens=limits[1])
    assert not questions or any(message is questions[-1] for message in kept)


@given(_talks, _limits)
def test_messages_keep_their_order_and_are_not_changed(talk: list[AnyMessage], limits: tuple[int, int]) -> None:
    kept = window(talk, max_messages=limits[0], max_tokens=limits[1])
    positions = [next(i for i, message in enumerate(talk) if message is each) for each in kept]
    assert positions == sorted(positions)


@pytest.mark.parametrize(("text", "least", "most"), [("你好世界" * 25, 100, 110), ("abcd" * 25, 25, 35)])
def test_a_chinese_character_counts_as_a_token_and_four_letters_as_one(text: str, least: int, most: int) -> None:
    assert least <= tokens(HumanMessage(text)) <= most


def test_a_turn_too_long_keeps_its_question_and_its_latest_tool_results() -> None:
    def call(number: int) -> list[AnyMessage]:
        name = f"c{number}"
        return [
            AIMessage("", tool_calls=[{"name": "look", "args": {}, "id": name, "type": "tool_call"}]),
            ToolMessage(f"result {number}", tool_call_id=name),
        ]

    talk = [HumanMessage("old"), AIMessage("old"), HumanMessage("question"), *call(1), *call(2), *call(3)]
    kept = window(talk, max_messages=5, max_tokens=10_000)
    assert [message.text for message in kept] == ["question", "", "result 2", "", "result 3"]
