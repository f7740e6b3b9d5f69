"""Stands between an agent and its tools: what the policy refuses becomes an error the model can read."""

from collections.abc import Awaitable, Callable
from typing import Any

from langchain.agents.middleware import AgentMiddleware
from langchain.agents.middleware.types import ToolCallRequest
from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool
from langgraph.types import Command
from pydantic import BaseModel

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
        result = await handler(request)
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


def _schema(tool: BaseTool | None) -> dict[str, Any] | None:
    if tool is None:
        return None
    schema = tool.tool_call_schema
    if isinstance(schema, dict):
        return schema
    return schema.model_json_schema() if issubclass(schema, BaseModel) else None
