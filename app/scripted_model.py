"""A chat model that answers from a script, streams it word by word and remembers what it was asked."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import Field, SkipValidation

Line = str | AIMessage | Exception
"""A text, a whole message (with tool calls), or an error to raise."""


class ScriptEnded(RuntimeError):
    """The model was asked more often than its script has lines."""


class ScriptedChatModel(BaseChatModel):
    """Say `script` line by line; a function from the prompt to a line suits callers that run in parallel."""

    script: SkipValidation[Sequence[Line] | Callable[[list[BaseMessage]], Line]]
    seconds: float = 0.0
    """Wait before each answer."""
    prompts: list[list[BaseMessage]] = Field(default_factory=list)
    """Every prompt so far."""
    tools: list[list[str]] = Field(default_factory=list)
    """Names of the tools bound at each call."""

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Runnable[LanguageModelInput, AIMessage]:
        """Remember the tools with each call."""
        return self.bind(tools=[convert_to_openai_tool(tool) for tool in tools], **kwargs)

    def _generate(self, messages: list[BaseMessage], *_: Any, **kwargs: Any) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=self._say(messages, kwargs))])

    async def _agenerate(self, messages: list[BaseMessage], *_: Any, **kwargs: Any) -> ChatResult:
        await asyncio.sleep(self.seconds)
        return self._generate(messages, **kwargs)

    async def _astream(self, messages: list[BaseMessage], *_: Any, **kwargs: Any) -> AsyncIterator[ChatGenerationChunk]:
        await asyncio.sleep(self.seconds)
        for chunk in _chunks(self._say(messages, kwargs)):
            yield ChatGenerationChunk(message=chunk)

    def _say(self, messages: list[BaseMessage], kwargs: dict[str, Any]) -> AIMessage:
        turn = len(self.prompts)
        self.prompts.append(list(messages))
        self.tools.append([tool["function"]["name"] for tool in kwargs.get("tools", [])])
        line = self.script(messages) if callable(self.script) else self._line(turn)
        if isinstance(line, Exception):
            raise line
        message = AIMessage(line) if isinstance(line, str) else line
        return message.model_copy(update={"usage_metadata": message.usage_metadata or _usage(messages, message)})

    def _line(self, turn: int) -> Line:
        if callable(self.script) or turn >= len(self.script):
            raise ScriptEnded(f"The script has no line for call {turn + 1}.")
        return self.script[turn]


def _usage(messages: list[BaseMessage], said: AIMessage) -> UsageMetadata:
    asked = sum(len(message.text.split()) for message in messages)
    answered = len(said.text.split()) + len(said.tool_calls)
    return UsageMetadata(input_tokens=asked, output_tokens=answered, total_tokens=asked + answered)


def _chunks(message: AIMessage) -> list[AIMessageChunk]:
    words = [AIMessageChunk(content=word, id=message.id) for word in re.findall(r"\s*\S+|\s+$", message.text)]
    last = AIMessageChunk(
        content="",
        id=message.id,
        tool_calls=message.tool_calls,
        usage_metadata=message.usage_metadata,
        response_metadata=message.response_metadata,
        chunk_position="last",
    )
    return [*words, last]
