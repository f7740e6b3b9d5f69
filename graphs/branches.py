"""Where a step leads, decided in the event loop: LangGraph sends a plain function to a thread, at a dear price."""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any


def in_loop(choose: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
    """Return the same choice as a coroutine function."""

    @wraps(choose)
    async def chosen(state: Any) -> Any:
        return choose(state)

    return chosen
