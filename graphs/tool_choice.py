"""Shows an agent's model few of many tools, chosen by a call of its own before its first."""
# The library's own asks again before every call, and ends the agent where the model names a tool that is not there.

from collections.abc import Awaitable, Callable
from typing import Any, NotRequired, cast

from langchain.agents import AgentState
from langchain.agents.middleware import (
    AgentMiddleware,
    ExtendedModelResponse,
    LLMToolSelectorMiddleware,
    ModelRequest,
    ModelResponse,
)
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langgraph.types import Command

Handler = Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]]


class ChosenState(AgentState[Any]):
    """An agent's conversation, and the tools that were chosen for it."""

    shown: NotRequired[list[str]]


class ToolChoice(AgentMiddleware[ChosenState, Any, Any]):
    """Lets the library's selector choose once for the whole task; all are shown where its choice cannot be used."""

    state_schema = ChosenState

    def __init__(self, model: BaseChatModel, most: int) -> None:
        super().__init__()
        self._most = most
        self._library: LLMToolSelectorMiddleware[Any] = LLMToolSelectorMiddleware(
            model=model, max_tools=most, on_parsing_failure="all"
        )

    async def awrap_model_call(
        self, request: ModelRequest[Any], handler: Handler
    ) -> ModelResponse[Any] | AIMessage | ExtendedModelResponse[Any]:
        """Let the model speak with the chosen tools, choosing them first where nobody has."""
        if len(request.tools) <= self._most:
            return await handler(request)
        shown = cast("list[str] | None", request.state.get("shown"))
        if shown is not None:
            return await handler(request.override(tools=[one for one in request.tools if _name(one) in shown]))
        chosen: list[ModelRequest[Any]] = []

        async def speak(narrowed: ModelRequest[Any]) -> ModelResponse[Any]:
            chosen.append(narrowed)
            return await handler(narrowed)

        try:
            response: Any = await self._library.awrap_model_call(request, speak)
        except ValueError:
            if chosen:  # the choice was made, and what came after it broke
                raise
            response = await speak(request)
        return ExtendedModelResponse(response, Command(update={"shown": [*map(_name, chosen[0].tools)]}))


def _name(tool: Any) -> str:
    return str(tool.get("name", "")) if isinstance(tool, dict) else str(tool.name)
