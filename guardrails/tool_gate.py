"""Stands between an agent and its tools: what the policy refuses becomes an error the model can read."""

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from langchain.agents.middleware import AgentMiddleware
from langchain.agents.middleware.types import ToolCallRequest
from langchain_core.messages import ToolMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool
from langgraph.types import Command
from pydantic import BaseModel

from twintrack.core.errors import InputError, NotAllowed
from twintrack.guardrails.tools import ToolPolicy

Approval = Callable[[ToolCallRequest], bool]
"""Tells whether a person has approved this very call."""


class ToolGate(AgentMiddleware[Any, Any, Any]):
    """Middleware of `create_agent` that enforces a `ToolPolicy`; put it outermost."""

    def __init__(self, policy: ToolPolicy, *, agent: str, approved: Approval = lambda _: False) -> None:
        super().__init__()
        self._policy = policy
        self._agent = agent
        self._approved = approved

    async def awrap_tool_call(
        self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], Awaitable[ToolMessage | Command[Any]]]
    ) -> ToolMessage | Command[Any]:
        """Run the call, or answer it with the refusal, so that every call has its answer in the history."""
        call = request.tool_call
        verdict = self._policy.check_call(
            self._agent, call["name"], call["args"], _schema(request.tool), approved=self._approved(request)
        )
        if verdict.blocked:
            return ToolMessage(verdict.reason, tool_call_id=call["id"], name=call["name"], status="error")
        try:
            result = await handler(request)
        except InputError as error:
            text = f"{error.problem} {error.fix}".strip()
            return ToolMessage(text, tool_call_id=call["id"], name=call["name"], status="error")
        return self._capped(result) if isinstance(result, ToolMessage) else result

    def _capped(self, message: ToolMessage) -> ToolMessage:
        content = message.content
        if isinstance(content, str):
            return message.model_copy(update={"content": self._cut(content)})
        return message.model_copy(update={"content": [self._cut_block(block) for block in content]})

    def _cut(self, text: str) -> str:
        return self._policy.check_result(text).text or text

    def _cut_block(self, block: str | dict[Any, Any]) -> str | dict[Any, Any]:
        if isinstance(block, str):
            return self._cut(block)
        return {**block, "text": self._cut(block["text"])} if isinstance(block.get("text"), str) else block


class GatedTool:
    """A tool as one agent may call it where no model plays that agent."""

    def __init__(self, tool: BaseTool, policy: ToolPolicy, *, agent: str) -> None:
        self._tool = tool
        self._policy = policy
        self._agent = agent

    async def __call__(self, arguments: dict[str, Any], config: RunnableConfig) -> ToolMessage:
        """Run the call, or raise NotAllowed with the policy's reason."""
        name = self._tool.name
        verdict = self._policy.check_call(self._agent, name, arguments, _schema(self._tool))
        if verdict.blocked:
            raise NotAllowed(
                verdict.reason, fix=f"Let {self._agent} call only its own tools, as they ask to be called."
            )
        call = {"type": "tool_call", "id": uuid.uuid4().hex, "name": name, "args": arguments}
        message: ToolMessage = await self._tool.ainvoke(call, config)
        return message


def _schema(tool: BaseTool | None) -> dict[str, Any] | None:
    if tool is None:
        return None
    schema = tool.tool_call_schema
    if isinstance(schema, dict):
        return schema
    return schema.model_json_schema() if issubclass(schema, BaseModel) else None
