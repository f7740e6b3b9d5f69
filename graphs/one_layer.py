"""Several middlewares as one, which the library's span around each of them does not make dear.

It wraps every hook of every middleware in a span of LangSmith's. For a coroutine function that takes two threads and a
task a call, traced or not; for a function that returns a coroutine it takes neither.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from types import CoroutineType
from typing import Any, cast

from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse, ToolCallRequest
from langchain_core.messages import AIMessage, ToolMessage
from langgraph.types import Command

Layer = AgentMiddleware[Any, Any, Any]
Made = ToolMessage | Command[Any]


class OneLayer(AgentMiddleware[Any, Any, Any]):
    """Runs them around a call in their order, the first outermost; they may wrap calls and do nothing else."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        super().__init__()
        self._around_models = [one.awrap_model_call for one in layers if _wraps(one, "awrap_model_call")]
        self._around_tools = [one.awrap_tool_call for one in layers if _wraps(one, "awrap_tool_call")]

    def awrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]]
    ) -> "CoroutineType[Any, Any, ModelResponse[Any]]":
        """Let the model speak through all of them."""
        for wrap in reversed(self._around_models):
            handler = partial(_spoken, wrap, handler)
        return cast("CoroutineType[Any, Any, ModelResponse[Any]]", _awaited(handler, request))

    def awrap_tool_call(
        self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], Awaitable[Made]]
    ) -> "CoroutineType[Any, Any, Made]":
        """Make the call through all of them."""
        for wrap in reversed(self._around_tools):
            handler = partial(wrap, handler=handler)
        return cast("CoroutineType[Any, Any, Made]", _awaited(handler, request))


async def _spoken(wrap: Any, handler: Any, request: ModelRequest[Any]) -> ModelResponse[Any]:
    said = await wrap(request, handler)
    return ModelResponse(result=[said], structured_response=None) if isinstance(said, AIMessage) else said


async def _awaited(handler: Callable[[Any], Awaitable[Any]], request: Any) -> Any:
    return await handler(request)


def _wraps(layer: Layer, hook: str) -> bool:
    return getattr(type(layer), hook) is not getattr(AgentMiddleware, hook)
