"""One MCP server: opened once, closed at the end, and a plain error to its callers while it does not answer."""

import asyncio
import logging
from contextlib import suppress
from typing import Any

from langchain_core.tools import BaseTool, StructuredTool

from twintrack.core.errors import InputError, Unavailable
from twintrack.core.settings import McpServerSettings

log = logging.getLogger(__name__)

ABSENT = "absent"
"""Set on a tool whose server did not say what it takes."""
_CLOSED = -32000
"""Code of MCP's own error for a connection that has gone."""


class McpServer:
    """Stands for the session of one server, and opens a new one when it has broken."""

    def __init__(self, name: str, settings: McpServerSettings) -> None:
        self._name = name
        self._settings = settings
        self._session: Any = None
        self._task: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()
        self._opening = asyncio.Lock()

    async def tools(self) -> dict[str, BaseTool]:
        """Return the tools that agents may call; those of a server that does not answer say so when called."""
        wanted = {tool for names in self._settings.agents.values() for tool in names}
        try:
            found = await self._listed()
        except Unavailable as error:
            log.warning("%s Its tools fail until it does.", error.problem)
            found = {}
        if lacking := wanted - set(found):
            log.warning("The MCP server %s has no tool called %s.", self._name, ", ".join(sorted(lacking)))
        return {name: found.get(name) or self._absent(name) for name in sorted(wanted)}

    async def call_tool(self, name: str, arguments: dict[str, Any], **_: Any) -> Any:
        """Make a call as a session does; never twice, for it may have been carried out.

        Raises:
            InputError: the server refuses the call.
            Unavailable: the server does not answer.
        """
        session = await self._open()
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                return await session.call_tool(name, arguments)
        except Exception as error:
            if getattr(getattr(error, "error", None), "code", _CLOSED) != _CLOSED:
                raise InputError(f"{self._name} refused the call of {name}.", fix="Correct the call.") from error
            await self._close()
            raise self._gone(error) from error

    async def aclose(self) -> None:
        """Close the session, and end a server that was started."""
        await self._close()

    async def _listed(self) -> dict[str, BaseTool]:
        from langchain_mcp_adapters.tools import convert_mcp_tool_to_langchain_tool

        session = await self._open()
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                listed = (await session.list_tools()).tools
        except Exception as error:
            await self._close()
            raise self._gone(error) from error
        caller: Any = self
        return {tool.name: convert_mcp_tool_to_langchain_tool(caller, tool) for tool in listed}

    async def _open(self) -> Any:
        async with self._opening:
            if self._session is not None and self._task is not None and not self._task.done():
                return self._session
            self._closing = asyncio.Event()
            ready: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            self._task = asyncio.create_task(self._live(ready, self._closing))
            try:
                async with asyncio.timeout(self._settings.timeout_s):
                    self._session = await ready
            except Exception as error:
                self._task.cancel()
                raise self._gone(error) from error
            return self._session

    async def _live(self, ready: "asyncio.Future[Any]", closing: asyncio.Event) -> None:
        """Hold the session open: what opens one must close it, so it lives in a task of its own."""
        from langchain_mcp_adapters.sessions import create_session

        try:
            async with create_session(self._connection()) as session:
                await session.initialize()
                ready.set_result(session)
                await closing.wait()
        except Exception as error:  # noqa: BLE001 - the boundary around a program that is not ours
            if not ready.done():
                ready.set_exception(error)

    def _connection(self) -> Any:
        chosen = self._settings
        if chosen.url:
            headers = {name: value.get_secret_value() for name, value in chosen.headers.items()}
            return {"transport": "streamable_http", "url": chosen.url, "headers": headers}
        env = {name: value.get_secret_value() for name, value in chosen.env.items()}
        return {"transport": "stdio", "command": chosen.command, "args": list(chosen.args), "env": env}

    async def _close(self) -> None:
        task, self._task, self._session = self._task, None, None
        if task is None:
            return
        self._closing.set()
        with suppress(asyncio.CancelledError, TimeoutError):
            async with asyncio.timeout(10):
                await asyncio.shield(task)
        task.cancel()

    def _absent(self, name: str) -> BaseTool:
        async def call(**arguments: Any) -> str:
            del arguments
            raise self._gone(None)

        anything = {"type": "object", "properties": {}, "additionalProperties": True}
        return StructuredTool(
            name=name,
            description="Does not answer.",
            args_schema=anything,
            coroutine=call,
            metadata={ABSENT: True},
        )

    def _gone(self, error: BaseException | None) -> Unavailable:
        # The kind alone: an address or a command line may hold a secret.
        kind = f" ({type(error).__name__})" if error is not None else ""
        return Unavailable(
            f"The MCP server {self._name} does not answer{kind}.", fix=f"check `mcp.{self._name}` in the settings"
        )
