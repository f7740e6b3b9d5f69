"""Where a step leads, decided in the event loop and without a span of its own: the step's own span tells it."""

from collections.abc import Callable
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig


class Choice(Runnable[Any, Any]):
    """A pure function from the state to where it leads; LangGraph would trace it as a step, and send it to a thread."""

    def __init__(self, choose: Callable[[Any], Any]) -> None:
        self._choose = choose
        self.name = choose.__name__

    def invoke(self, input: Any, config: RunnableConfig | None = None, **_: Any) -> Any:
        """Choose."""
        del config
        return self._choose(input)

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **_: Any) -> Any:
        """Choose."""
        del config
        return self._choose(input)


def in_loop(choose: Callable[[Any], Any]) -> Choice:
    """Return the choice as LangGraph takes it."""
    return Choice(choose)
