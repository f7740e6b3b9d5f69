"""Bounds the time of one step: a step that hangs breaks, and is labelled like any other that does."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

from twintrack.core.errors import Unavailable

Node = Callable[..., Awaitable[Any]]


def timed(name: str, step: Node, seconds: float) -> Node:
    """Return the step with a time limit, which costs a timer; LangGraph's own runs each step in a task of its own."""

    @wraps(step)
    async def within(*given: Any, **named: Any) -> Any:
        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                return await step(*given, **named)
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise Unavailable(
                f"{name} took longer than {seconds:g} seconds.", fix="raise budgets.step_seconds"
            ) from error

    return within
