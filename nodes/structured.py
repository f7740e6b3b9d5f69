"""Ask a model for a value of a given shape, unheard, and say what that cost."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig
from pydantic import BaseModel

QUIET: RunnableConfig = {"tags": ["nostream", "langsmith:nostream"]}
"""Keeps the tokens of inner model calls out of the caller's stream: LangGraph knows one word, chat clients the other."""
Shape = TypeVar("Shape", bound=BaseModel)


def asking(model: BaseChatModel, shape: type[Shape]) -> Callable[[str], Awaitable[tuple[Shape | None, int]]]:
    """Return what asks the model for a value of the shape, prepared once: see `asked`."""
    prepared: list[Any] = []

    async def ask(prompt: str) -> tuple[Shape | None, int]:
        if not prepared:
            # A value is of no use in parts; and a streamed one makes the vendor's client warn of its own message.
            whole = model.model_copy(update={"disable_streaming": True})
            prepared.append(whole.with_structured_output(shape, include_raw=True))
        reply: Any = await prepared[0].ainvoke(prompt, QUIET)
        value, raw = reply["parsed"], reply["raw"]
        usage = raw.usage_metadata if isinstance(raw, AIMessage) else None
        return value if isinstance(value, shape) else None, usage["total_tokens"] if usage else 0

    return ask


async def asked(model: BaseChatModel, shape: type[Shape], prompt: str) -> tuple[Shape | None, int]:
    """Return what the model answered, None where that is not of the shape, and the tokens it read and wrote.

    Raises:
        TwintrackError: the model failed, or the run's budget is spent.
    """
    return await asking(model, shape)(prompt)
