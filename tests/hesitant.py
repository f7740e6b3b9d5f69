"""A model that says nothing until a test lets it go on."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import PrivateAttr

from twintrack.app.testing import ScriptedChatModel


class Hesitant(ScriptedChatModel):
    """Speaks its lines, each once it may; a copy of it obeys as well."""

    _may: asyncio.Event = PrivateAttr(default_factory=asyncio.Event)
    _asked: asyncio.Event = PrivateAttr(default_factory=asyncio.Event)

    def is_asked(self) -> bool:
        """Tell whether somebody waits for a line, or has had one."""
        return self._asked.is_set()

    def go_on(self) -> None:
        self._may.set()

    def hesitate(self) -> None:
        self._may.clear()
        self._asked.clear()

    async def _agenerate(self, messages: list[BaseMessage], *more: Any, **kwargs: Any) -> ChatResult:
        await self._let()
        return await super()._agenerate(messages, *more, **kwargs)

    async def _astream(
        self, messages: list[BaseMessage], *more: Any, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        await self._let()
        async for chunk in super()._astream(messages, *more, **kwargs):
            yield chunk

    async def _let(self) -> None:
        self._asked.set()
        await self._may.wait()
