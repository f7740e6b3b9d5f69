import asyncio
from typing import Any

from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.tools import tool

from twintrack.app.testing import ScriptedChatModel
from twintrack.graphs.one_layer import OneLayer


class Notes(AgentMiddleware[Any, Any, Any]):
    def __init__(self, name: str, seen: list[str]) -> None:
        super().__init__()
        self._told = name
        self._seen = seen

    async def awrap_model_call(self, request: Any, handler: Any) -> Any:
        self._seen.append(f"{self._told} model")
        return await handler(request)

    async def awrap_tool_call(self, request: Any, handler: Any) -> Any:
        self._seen.append(f"{self._told} tool")
        return await handler(request)


class Answers(AgentMiddleware[Any, Any, Any]):
    async def awrap_model_call(self, request: Any, handler: Any) -> AIMessage:
        del request, handler
        return AIMessage("Stopped.")


@tool
async def look(key: str) -> str:
    """Look up."""
    return key


CALLS = AIMessage("", tool_calls=[{"name": "look", "args": {"key": "a"}, "id": "1"}])


async def asked(*layers: AgentMiddleware[Any, Any, Any]) -> str:
    agent: Any = create_agent(ScriptedChatModel(script=[CALLS, "Done."]), [look], middleware=[OneLayer(layers)])
    state = await agent.ainvoke({"messages": [HumanMessage("Look a up.")]})
    return str(state["messages"][-1].text)


async def test_the_first_layer_is_the_outermost() -> None:
    seen: list[str] = []
    assert await asked(Notes("outer", seen), Notes("inner", seen)) == "Done."
    once = ["outer model", "inner model"]
    assert seen == [*once, "outer tool", "inner tool", *once]


async def test_a_layer_may_answer_for_the_model_and_the_one_around_it_sees_a_response() -> None:
    seen: list[str] = []
    assert await asked(Notes("outer", seen), Answers()) == "Stopped."
    assert seen == ["outer model"]


async def test_a_call_through_the_layers_takes_no_thread() -> None:
    loop, threads = asyncio.get_running_loop(), list[Any]()
    in_thread: Any = loop.run_in_executor

    def counted(*given: Any) -> Any:
        threads.append(given)
        return in_thread(*given)

    loop.run_in_executor = counted  # type: ignore[method-assign,assignment]
    try:
        await asked(Notes("one", []), Notes("other", []))
    finally:
        del loop.run_in_executor
    assert threads == []
