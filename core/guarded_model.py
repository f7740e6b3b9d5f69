"""A chat model whose calls are retried in one place and whose errors are twintrack's own.

The guard sits below the vendor's own methods, so `bind_tools`, `with_structured_output`, agents,
callbacks and streaming all pass through it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeVar, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult, LLMResult
from langchain_core.utils.function_calling import convert_to_json_schema
from pydantic import PrivateAttr

from twintrack.core.attempts import TellsOfAttempts, tell_of_attempt
from twintrack.core.breaker import Breaker, LocalBreaker
from twintrack.core.errors import BudgetExceeded, ModelUnavailable, TwintrackError
from twintrack.core.model_errors import CutShort, needs_a_person, translate, worth_retrying
from twintrack.core.resilience import Limits, retrying

_SHAPE = "ls_structured_output_format"
"""Option in which the library hands on what `with_structured_output` was given."""
Model = TypeVar("Model", bound=BaseChatModel)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Guard:
    """What a guarded model knows about itself."""

    spec: str
    """`provider:model`."""
    setting: str
    """The variable that chose it, named in errors."""
    limits: Limits
    breaker: Breaker = field(default_factory=LocalBreaker)
    """Shared by all who use the model."""
    refusals: dict[str, TwintrackError] = field(default_factory=dict)
    """By model: why its provider turns every call away, until one is answered."""


def guarded(model: Model, guard: Guard) -> Model:
    """Return `model` with retries and error translation around its calls; its type stays the vendor's."""
    copy = model.model_copy()
    copy.__class__ = cast("type[Model]", _guarded_class(type(model)))
    copy.__pydantic_private__ = {**(copy.__pydantic_private__ or {}), "_guard": guard}
    return copy


class _Guarded(TellsOfAttempts):
    _guard: Guard = PrivateAttr()

    async def agenerate(self, *given: Any, **options: Any) -> LLMResult:
        """Ask as the vendor's class does; for the trace, what shape is asked for is described once, not at each call."""
        if wanted := options.get(_SHAPE):
            options[_SHAPE] = {**wanted, "schema": _described(wanted["schema"])}
        return await super().agenerate(*given, **options)

    async def _agenerate(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: Any = None, **kwargs: Any
    ) -> ChatResult:
        call = super()._agenerate
        result = await self._translated(lambda: call(messages, stop, run_manager, **kwargs))
        if not result.generations:
            raise self._said(ValueError("no answer in the answer"))
        return result

    async def _astream(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: Any = None, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        call = super()._astream

        async def begin() -> tuple[AsyncIterator[ChatGenerationChunk], ChatGenerationChunk]:
            # Nothing has been shown yet, so a stream that fails before its first chunk can be begun again.
            chunks = call(messages, stop, run_manager, **kwargs)
            return chunks, await _next(chunks)

        chunks, chunk = await self._translated(begin)
        finished = _finished(chunk)
        yield chunk
        while (following := await self._following(chunks, finished)) is not None:
            finished = finished or _finished(following)
            yield following

    async def _following(
        self, chunks: AsyncIterator[ChatGenerationChunk], finished: bool
    ) -> ChatGenerationChunk | None:
        try:
            async with asyncio.timeout(self._guard.limits.attempt_seconds):
                following = await anext(chunks, None)
            if following is None and not finished and self._llm_type == "openai-chat":
                raise CutShort
        except Exception as error:
            self._note(error)
            raise self._said(error) from error
        return following

    async def _translated(self, call: Callable[[], Awaitable[T]]) -> T:
        if rest := self._guard.breaker.rests_for():
            raise ModelUnavailable(
                f"{self._guard.spec} has failed too often in a row and is not asked.",
                fix=f"Try again in {rest:.0f} seconds.",
            )

        async def attempt() -> T:
            await tell_of_attempt(self._guard.spec)
            return await call()

        try:
            result = await retrying(attempt, worth=worth_retrying, limits=self._guard.limits)
        except BudgetExceeded:
            raise  # the run's doing, not the model's
        except Exception as error:
            self._note(error)
            raise self._said(error) from error
        self._guard.breaker.succeeded()
        self._guard.refusals.pop(self._guard.spec, None)
        return result

    def _note(self, error: Exception) -> None:
        """Count what may pass as a failure; a refusal is an answer of a model that works."""
        if worth_retrying(error):
            self._guard.breaker.failed()
        else:
            self._guard.breaker.succeeded()

    def _said(self, error: Exception) -> Exception:
        said = translate(error, spec=self._guard.spec, setting=self._guard.setting)
        if needs_a_person(error):
            self._guard.refusals[self._guard.spec] = said
        return said


async def _next(chunks: AsyncIterator[ChatGenerationChunk]) -> ChatGenerationChunk:
    try:
        return await anext(chunks)
    except StopAsyncIteration as error:
        raise CutShort from error


def _finished(chunk: ChatGenerationChunk) -> bool:
    said = {**chunk.message.response_metadata, **(chunk.generation_info or {})}
    return bool(said.get("finish_reason") or said.get("status"))


def _described(shape: Any) -> Any:
    try:
        return _json_schema(shape) if isinstance(shape, type) else shape
    except ValueError:  # the library goes on without it too
        return shape


@lru_cache
def _json_schema(shape: type) -> dict[str, Any]:
    return convert_to_json_schema(shape)


@lru_cache
def _guarded_class(vendor: type[BaseChatModel]) -> type[BaseChatModel]:
    # The vendor's name and module stay: tracing and pricing recognise a model by them.
    body = {"__module__": vendor.__module__, "__qualname__": vendor.__qualname__, "__doc__": vendor.__doc__}
    return type(vendor.__name__, (_Guarded, vendor), body)
