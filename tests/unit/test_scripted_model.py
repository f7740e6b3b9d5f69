"""The shipped scripted model behaves like a chat model, and says what it was asked."""

from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage
from pydantic import BaseModel

from twintrack.app.testing import ScriptedChatModel, ScriptEnded


def call(name: str, /, **arguments: Any) -> dict[str, Any]:
    return {"name": name, "args": arguments, "id": f"{name}-{arguments}", "type": "tool_call"}


async def test_it_says_its_lines_in_order_and_remembers_the_prompts() -> None:
    model = ScriptedChatModel(script=["one", AIMessage("two")])
    assert [(await model.ainvoke(asked)).text for asked in ("first", "second")] == ["one", "two"]
    assert [prompt[-1].text for prompt in model.prompts] == ["first", "second"]


async def test_it_streams_word_by_word_with_usage_at_the_end() -> None:
    model = ScriptedChatModel(script=["one two  three"])
    pieces = [piece async for piece in model.astream("a b")]
    whole = sum(pieces[1:], pieces[0])
    assert isinstance(whole, AIMessageChunk)
    assert whole.text == "one two  three"
    assert len([piece for piece in pieces if piece.text]) == 3
    assert whole.usage_metadata == {"input_tokens": 2, "output_tokens": 3, "total_tokens": 5}


async def test_it_plays_an_agent_with_parallel_calls() -> None:
    def double(n: int) -> int:
        """Double a number."""
        return 2 * n

    model = ScriptedChatModel(script=[AIMessage("", tool_calls=[call("double", n=2), call("double", n=5)]), "4 and 10"])
    agent: Any = create_agent(model, [double])
    state = await agent.ainvoke({"messages": [HumanMessage("double 2 and 5")]})
    assert [message.text for message in state["messages"][2:]] == ["4", "10", "4 and 10"]
    assert model.tools == [["double"], ["double"]]


async def test_streamed_tool_calls_survive() -> None:
    model = ScriptedChatModel(script=[AIMessage("", tool_calls=[call("look", at="it")])])
    pieces = [piece async for piece in model.astream("go")]
    whole = sum(pieces[1:], pieces[0])
    assert isinstance(whole, AIMessageChunk)
    assert [(made["name"], made["args"]) for made in whole.tool_calls] == [("look", {"at": "it"})]


async def test_it_gives_structured_output() -> None:
    class City(BaseModel):
        name: str

    model = ScriptedChatModel(script=[AIMessage("", tool_calls=[call("City", name="Paris")])])
    assert await model.with_structured_output(City).ainvoke("which?") == City(name="Paris")


async def test_it_can_fail_and_a_function_can_write_its_lines() -> None:
    model = ScriptedChatModel(script=[TimeoutError("late")])
    with pytest.raises(TimeoutError):
        await model.ainvoke("hello")
    echo = ScriptedChatModel(script=lambda messages: messages[-1].text.upper())
    assert (await echo.ainvoke("hello")).text == "HELLO"


async def test_an_ended_script_is_said() -> None:
    with pytest.raises(ScriptEnded, match="no line for call 1"):
        await ScriptedChatModel(script=[]).ainvoke("hello")
