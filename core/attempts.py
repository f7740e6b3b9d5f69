"""Lets whoever counts a model's calls hear of each attempt, which LangChain's callbacks do not tell of."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import ContextVar
from typing import Any

from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.runnables import RunnableConfig

Listener = Callable[[str], Awaitable[None]]
"""Hears which model is asked; may refuse by raising."""
_listeners: ContextVar[list[Listener] | None] = ContextVar("twintrack_attempts", default=None)


class TellsOfAttempts(BaseChatModel):
    """A chat model each of whose calls has listeners of its own, who came forward when it began."""

    async def ainvoke(
        self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> AIMessage:
        """Ask, heard."""
        # Callbacks may run in tasks of their own, whose context is a copy: the list in it is shared.
        _listeners.set([])
        return await super().ainvoke(input, config, **kwargs)

    async def astream(
        self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> AsyncIterator[AIMessageChunk]:
        """Ask for a stream, heard."""
        _listeners.set([])
        async for chunk in super().astream(input, config, **kwargs):
            yield chunk


def hear_attempts(listener: Listener) -> None:
    """Let the listener hear of the attempts of the call that begins; of a model that does not tell it hears nothing."""
    if (heard := _listeners.get()) is not None:
        heard.append(listener)


async def tell_of_attempt(model: str) -> None:
    """Tell that a model is asked once more."""
    for listener in _listeners.get() or ():
        await listener(model)
