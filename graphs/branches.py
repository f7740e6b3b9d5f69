"""Where a step leads, decided in the event loop and without a span of its own: the step's own span tells it."""

from collections.abc import Callable
from inspect import signature
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig


class Choice(Runnable[Any, Any]):
    """A function from the state to where it leads; LangGraph would trace it as a step, and send it to a thread."""

    def __init__(self, choose: Callable[..., Any]) -> None:
        self._choose = choose
        self._takes_config = len(signature(choose).parameters) > 1
        self.name = choose.__name__

    def invoke(self, input: Any, config: RunnableConfig | None = None, **_: Any) -> Any:
        """Choose."""
        return self._choose(input, config or {}) if self._takes_config else self._choose(input)

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **_: Any) -> Any:
        """Choose."""
        return self.invoke(input, config)


def in_loop(choose: Callable[..., Any]) -> Choice:
    """Return a choice by the state, or by the state and the run's config, as LangGraph takes it."""
    return Choice(choose)
