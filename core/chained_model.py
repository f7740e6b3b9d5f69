"""A chat model of several: the first that works answers, and its answer says which one that was."""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.language_models.base import LangSmithParams
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable, RunnableBinding
from pydantic import SkipValidation

from twintrack.core.attempts import TellsOfAttempts
from twintrack.core.errors import ModelUnavailable, SettingsError, TwintrackError

ANSWERED_BY = "answered_by"
"""In an answer's metadata: which of the models gave it."""
INSTEAD_OF = "instead_of"
"""In an answer's metadata: what the models before it said, where there were any."""
_PASSED_ON = (ModelUnavailable, SettingsError)


class ChainedChatModel(TellsOfAttempts):
    """Asks one guarded model after the other; tools are bound by each in its own vendor's way."""

    members: SkipValidation[Sequence[tuple[str, BaseChatModel]]]
    """`provider:model` and the model, the preferred one first."""

    @property
    def _llm_type(self) -> str:
        return "chained"

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        return self.members[0][1]._get_ls_params(stop=stop, **kwargs)

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Runnable[LanguageModelInput, AIMessage]:
        """Keep the tools as they are until it is known whose they will be."""
        tracing = {name: kwargs.pop(name) for name in ("ls_structured_output_format",) if name in kwargs}
        return self.bind(chained_tools=[*tools], chained_options=kwargs, **tracing)

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        raise NotImplementedError("async only")

    async def _agenerate(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: Any = None, **kwargs: Any
    ) -> ChatResult:
        said: list[str] = []
        for spec, model in self.members:
            try:
                result = await model._agenerate(messages, stop, run_manager, **_options(model, kwargs))
            except _PASSED_ON as error:
                said.append(error.problem)
                continue
            for one in result.generations:
                one.message.response_metadata.update(_label(spec, said))
            return result
        raise _none(said)

    async def _astream(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: Any = None, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        said: list[str] = []
        for spec, model in self.members:
            begun = False
            try:
                async for chunk in model._astream(messages, stop, run_manager, **_options(model, kwargs)):
                    if not begun:
                        chunk.message.response_metadata.update(_label(spec, said))
                    begun = True
                    yield chunk
            except _PASSED_ON as error:
                if begun:  # what was heard cannot be taken back
                    raise
                said.append(error.problem)
                continue
            return
        raise _none(said)


def _options(model: BaseChatModel, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return the call's options in the words of the model's vendor."""
    rest = {name: value for name, value in kwargs.items() if not name.startswith("chained_")}
    if "chained_tools" not in kwargs:
        return rest
    bind: Callable[..., Any] = model.bind_tools
    bound = bind(kwargs["chained_tools"], **kwargs["chained_options"])
    return {**bound.kwargs, **rest} if isinstance(bound, RunnableBinding) else rest


def _label(spec: str, said: Sequence[str]) -> dict[str, str]:
    label = {ANSWERED_BY: spec}
    return {**label, INSTEAD_OF: " ".join(said)} if said else label


def _none(said: Sequence[str]) -> TwintrackError:
    return ModelUnavailable(f"No model of the chain answers: {' '.join(said)}", fix="Mend one of them, or add another.")
