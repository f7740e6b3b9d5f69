"""Counts what one run spends, over all its parallel branches, and stops the call that would be one too many."""
# ruff: noqa: ARG002 - the arguments of a callback are its base class's

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.callbacks import AsyncCallbackHandler
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGeneration, LLMResult
from typing_extensions import TypedDict

from twintrack.core.context import Context
from twintrack.core.errors import BudgetExceeded
from twintrack.core.settings import BudgetSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one run may spend."""

    model_calls: int
    tool_calls: int
    tokens: int
    seconds: float


class Usage(TypedDict):
    """What one run has spent."""

    model_calls: int
    tool_calls: int
    input_tokens: int
    output_tokens: int
    seconds: float


def limits_for(budgets: BudgetSettings, context: Context | Mapping[str, Any] | None) -> Limits:
    """Return the limits of one run: the caller may lower what the settings allow, never raise it."""
    calls = _said(context, "max_model_calls")
    seconds = _said(context, "max_seconds")
    return Limits(
        model_calls=budgets.max_model_calls if calls is None else min(int(calls), budgets.max_model_calls),
        tool_calls=budgets.max_tool_calls,
        tokens=budgets.max_tokens,
        seconds=budgets.max_seconds if seconds is None else min(seconds, budgets.max_seconds),
    )


def _said(context: Any, name: str) -> float | None:
    """Return a limit of the context, which clients send as JSON of any kind."""
    value = context.get(name) if isinstance(context, Mapping) else getattr(context, name, None)
    return value if isinstance(value, int | float) else None


class SpendMeter(AsyncCallbackHandler):
    """The meter of one run; put it among the run's callbacks.

    It is not run inline: langchain-core then awaits the other handlers even when this one raises.
    """

    raise_error = True
    run_inline = False

    def __init__(self, limits: Limits, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._clock = clock
        self._started = clock()
        self._lock = threading.Lock()
        self._spent = {"model_calls": 0, "tool_calls": 0, "input_tokens": 0, "output_tokens": 0}

    @property
    def ignore_chain(self) -> bool:
        """Chains cost nothing."""
        return True

    @property
    def ignore_retriever(self) -> bool:
        """Retrievers are counted by their own limits."""
        return True

    @property
    def ignore_custom_event(self) -> bool:
        """Custom events cost nothing."""
        return True

    def usage(self) -> Usage:
        """Return what has been spent so far."""
        with self._lock:
            return Usage(
                model_calls=self._spent["model_calls"],
                tool_calls=self._spent["tool_calls"],
                input_tokens=self._spent["input_tokens"],
                output_tokens=self._spent["output_tokens"],
                seconds=round(self._clock() - self._started, 3),
            )

    def take(self, what: str, count: int = 1) -> None:
        """Count a call that is about to start.

        Raises:
            BudgetExceeded: the call would pass a limit; it is not counted.
        """
        with self._lock:
            self._refuse_when_spent(what, count)
            self._spent[what] += count

    def _refuse_when_spent(self, what: str, count: int) -> None:
        tokens = self._spent["input_tokens"] + self._spent["output_tokens"]
        allowed = self._limits.model_calls if what == "model_calls" else self._limits.tool_calls
        if self._spent[what] + count > allowed:
            raise _exceeded(f"{allowed} {what.replace('_', ' ')}", f"max_{what}")
        if tokens >= self._limits.tokens:
            raise _exceeded(f"{self._limits.tokens} tokens", "max_tokens")
        if self._clock() - self._started >= self._limits.seconds:
            raise _exceeded(f"{self._limits.seconds:g} seconds", "max_seconds")

    async def on_chat_model_start(self, serialized: dict[str, Any], messages: list[list[BaseMessage]], **_: Any) -> Any:
        """Count each prompt as one call."""
        self.take("model_calls", len(messages))

    async def on_llm_start(self, serialized: dict[str, Any], prompts: list[str], **_: Any) -> None:
        """Count each prompt as one call."""
        self.take("model_calls", len(prompts))

    async def on_tool_start(self, serialized: dict[str, Any], input_str: str, **_: Any) -> None:
        """Count the tool call."""
        self.take("tool_calls")

    async def on_llm_end(self, response: LLMResult, **_: Any) -> None:
        """Add the tokens the provider counted."""
        read, written = _tokens(response)
        with self._lock:
            self._spent["input_tokens"] += read
            self._spent["output_tokens"] += written


def meters(budgets: BudgetSettings) -> Callable[[Sequence[Any], Any], list[SpendMeter]]:
    """Return what gives a run its meter: from the handlers it has and its context, one unless one is there."""

    def missing(present: Sequence[Any], context: Any) -> list[SpendMeter]:
        metered = any(isinstance(handler, SpendMeter) for handler in present)
        return [] if metered else [SpendMeter(limits_for(budgets, context))]

    return missing


def tokens_spent(config: Mapping[str, Any]) -> int:
    """Return the tokens that the run of a step's config has spent so far; 0 where nothing counts them."""
    handlers = getattr(config.get("callbacks"), "handlers", ())
    spent = (handler.usage() for handler in handlers if isinstance(handler, SpendMeter))
    return next((usage["input_tokens"] + usage["output_tokens"] for usage in spent), 0)


def _exceeded(limit: str, setting: str) -> BudgetExceeded:
    return BudgetExceeded(
        f"This run reached its limit of {limit}.", fix=f"Ask for less at once, or raise budgets.{setting}."
    )


def _tokens(response: LLMResult) -> tuple[int, int]:
    """Return tokens read and written; choices of one prompt share one count."""
    read = written = 0
    for choices in response.generations:
        usage = (
            getattr(choices[0].message, "usage_metadata", None)
            if choices and isinstance(choices[0], ChatGeneration)
            else None
        )
        if usage:
            read += usage["input_tokens"]
            written += usage["output_tokens"]
    return read, written
