"""Leaves old tool results out of an agent's conversation once it is long, and costs nothing before."""

from collections.abc import Awaitable, Callable
from typing import Any

from langchain.agents.middleware import ClearToolUsesEdit, ContextEditingMiddleware, ModelRequest, ModelResponse


class LongContext(ContextEditingMiddleware[Any, Any]):
    """The library's own editing copies and counts every message at every call; a token is at least one character."""

    def __init__(self, tokens: int) -> None:
        super().__init__(edits=[ClearToolUsesEdit(trigger=tokens)])
        self._tokens = tokens

    async def awrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]]
    ) -> Any:
        """Edit only what could be too long."""
        if sum(len(message.text) for message in request.messages) < self._tokens:
            return await handler(request)
        return await super().awrap_model_call(request, handler)
