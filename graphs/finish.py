"""Ends an agent that has run out of budget, or in circles, with what it has found so far."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse, ToolCallRequest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langgraph.types import Command

from twintrack.core.errors import BudgetExceeded
from twintrack.core.passages import Passage
from twintrack.nodes.extract import best_sentence
from twintrack.nodes.tools import mark

QUOTED = 2
"""Passages that are quoted where the model may say no more."""


class Finish(AgentMiddleware[Any, Any, Any]):
    """Stands outside the gate, so that a call refused for its cost is never written down as made."""

    async def awrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]]
    ) -> ModelResponse[Any] | AIMessage:
        """Say what was found where the model may not; an agent that found nothing fails with the reason."""
        try:
            return await handler(request)
        except BudgetExceeded:
            if text := _found(request.messages):
                return AIMessage(text)
            raise

    async def awrap_tool_call(
        self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], Awaitable[ToolMessage | Command[Any]]]
    ) -> ToolMessage | Command[Any]:
        """Answer a refused call with the reason, so that the model can answer with what it has."""
        try:
            return await handler(request)
        except BudgetExceeded as error:
            call = request.tool_call
            text = f"{error.problem} Answer with what you have found."
            return ToolMessage(text, tool_call_id=call["id"], name=call["name"], status="error")


def _found(messages: Sequence[AnyMessage]) -> str:
    """Return the best sentences of the passages that came first, marked, or else what a tool computed last."""
    results = [message for message in messages if isinstance(message, ToolMessage) and message.status == "success"]
    task = next((str(message.text) for message in messages if isinstance(message, HumanMessage)), "")
    passages: dict[str, Passage] = {
        passage["id"]: passage
        for message in results
        if isinstance(message.artifact, list)
        for passage in message.artifact[:QUOTED]
    }
    if passages:
        first = [*passages.values()][:QUOTED]
        return "\n".join(f"{best_sentence(task, passage).text} [{mark(passage)}]" for passage in first)
    return str(results[-1].text) if results else ""
