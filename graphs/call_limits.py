"""Bounds one agent's calls: the last model call is made without tools, so that it answers with what it has."""
# LangChain's own limits end an agent with a fixed sentence, and run as three further steps per model call.

from collections.abc import Awaitable, Callable
from typing import Any

from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse, ToolCallRequest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langgraph.types import Command

from twintrack.guardrails.tool_gate import LABEL
from twintrack.nodes.findings import CUT_SHORT

LAST = "This is your last answer: you have no more calls. Answer with what you have found, and say what is missing."
SPENT = "You have no more tool calls. Answer with what you have found."


class CallLimits(AgentMiddleware[Any, Any, Any]):
    """Counts in the agent's own conversation, which begins with its task; nothing is kept elsewhere."""

    def __init__(self, *, name: str, model_calls: int, tool_calls: int) -> None:
        super().__init__()
        self._agent = name
        self._model_calls = model_calls
        self._tool_calls = tool_calls

    async def awrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]]
    ) -> ModelResponse[Any] | AIMessage:
        """Let the model speak, the last time without tools."""
        made = sum(isinstance(message, AIMessage) for message in request.messages)
        if made + 1 < self._model_calls:
            return await handler(request)
        if made >= self._model_calls:
            return AIMessage(SPENT, additional_kwargs=self._cut(f"{self._model_calls} model calls"))
        response = await handler(request.override(tools=[], messages=[*request.messages, HumanMessage(LAST)]))
        for message in response.result:
            message.additional_kwargs[CUT_SHORT] = True
        return response

    async def awrap_tool_call(
        self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], Awaitable[ToolMessage | Command[Any]]]
    ) -> ToolMessage | Command[Any]:
        """Make the call, or answer it with why not, so that every call has its answer in the history."""
        call = request.tool_call
        asked = [str(one["id"]) for one in _calls(_messages(request.state))]
        if str(call["id"]) not in asked[self._tool_calls :]:
            return await handler(request)
        cut = self._cut(f"{self._tool_calls} tool calls")
        return ToolMessage(SPENT, tool_call_id=call["id"], name=call["name"], status="error", additional_kwargs=cut)

    def _cut(self, limit: str) -> dict[str, Any]:
        """Return the marks of a message that an agent got, or wrote, because it had reached a limit of its own."""
        return {CUT_SHORT: True, LABEL: f"{self._agent} reached its limit of {limit}"}


def _messages(state: Any) -> list[AnyMessage]:
    found: list[AnyMessage] = state.get("messages", []) if isinstance(state, dict) else []
    return found


def _calls(messages: list[AnyMessage]) -> list[Any]:
    return [call for message in messages if isinstance(message, AIMessage) for call in message.tool_calls]
