"""Tries a tool again that is unavailable, and waits between the attempts unless a test has taken waits out."""

from typing import Any

from langchain.agents.middleware import ToolRetryMiddleware
from langchain_core.tools import BaseTool

from twintrack.core.errors import ModelUnavailable, RedisUnavailable, Unavailable
from twintrack.core.resilience import waits
from twintrack.core.settings import TeamSettings


class ToolRetry(ToolRetryMiddleware):
    """The library's own, whose waits heed `stamina.set_testing`."""

    def __init__(self, tools: list[BaseTool | str], numbers: TeamSettings) -> None:
        super().__init__(
            tools=tools,
            max_retries=numbers.tool_retries,
            retry_on=_worth_another_try,
            on_failure="error",
            initial_delay=numbers.tool_wait_first_s,
            max_delay=numbers.tool_wait_most_s,
        )

    @property
    def initial_delay(self) -> float:
        """Return the seconds before the second attempt."""
        return self._initial_delay if waits() else 0.0

    @initial_delay.setter
    def initial_delay(self, seconds: Any) -> None:
        self._initial_delay = float(seconds)


def _worth_another_try(error: Exception) -> bool:
    """Tell whether nobody has tried again yet: the clients of models and of Redis have, before they gave up."""
    return isinstance(error, Unavailable) and not isinstance(error, ModelUnavailable | RedisUnavailable)
