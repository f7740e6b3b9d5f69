"""Shows an agent's model short notes of what is old in its conversation; the conversation itself is kept whole."""
# The library's own step takes old messages out, and with them what the gate, the limits and the citations rest on.

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NotRequired, cast

from langchain.agents import AgentState
from langchain.agents.middleware import (
    AgentMiddleware,
    ExtendedModelResponse,
    ModelRequest,
    ModelResponse,
    SummarizationMiddleware,
)
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AnyMessage, HumanMessage, get_buffer_string
from langgraph.types import Command
from typing_extensions import TypedDict

from twintrack.nodes.prompts import noted, notes_prompt
from twintrack.nodes.structured import QUIET

Handler = Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]]


class Notes(TypedDict):
    """What stands for the first part of a conversation."""

    text: str
    upto: str
    """Id of the last message that it stands for."""


class NotedState(AgentState[Any]):
    """An agent's conversation, and notes of its beginning."""

    notes: NotRequired[Notes]


class Summaries(AgentMiddleware[NotedState, Any, Any]):
    """Lets the library's summarizing decide when and where to cut; its call is a call of the agent's own model."""

    state_schema = NotedState

    def __init__(self, model: BaseChatModel, above_tokens: int) -> None:
        super().__init__()
        self._model = model
        # A summarizer of our own, for the library's would try a model again that has been tried again already.
        self._library: SummarizationMiddleware[Any, Any] = SummarizationMiddleware(
            model,
            trigger=("tokens", above_tokens),
            keep=("tokens", max(1, above_tokens // 2)),
            summarizer=self._write,
            trim_tokens_to_summarize=None,
        )

    async def awrap_model_call(
        self, request: ModelRequest[Any], handler: Handler
    ) -> ModelResponse[Any] | ExtendedModelResponse[Any]:
        """Let the model read the task, the notes and what came after them."""
        task, *said = request.messages
        old = cast("Notes | None", request.state.get("notes"))
        shown = _after(old, said)
        cut = await self._library.abefore_model({"messages": [*shown]}, request.runtime)
        if cut is None:
            return await handler(request.override(messages=[task, *shown]) if old else request)
        _, written, *recent = cut["messages"]
        notes = Notes(text=str(written.text), upto=str(said[len(said) - len(recent) - 1].id))
        response = await handler(request.override(messages=[task, _told(notes), *recent]))
        return ExtendedModelResponse(response, Command(update={"notes": notes}))

    async def _write(self, messages: list[AnyMessage]) -> str:
        written = await self._model.ainvoke(notes_prompt(get_buffer_string(messages, format="xml")), QUIET)
        return str(written.text)


def _after(notes: Notes | None, said: Sequence[AnyMessage]) -> list[AnyMessage]:
    """Return the conversation with the notes in the place of what they stand for."""
    if notes is None:
        return [*said]
    places = [place for place, message in enumerate(said) if message.id == notes["upto"]]
    return [_told(notes), *said[places[0] + 1 :]] if places else [*said]


def _told(notes: Notes) -> HumanMessage:
    return HumanMessage(noted(notes["text"]))
