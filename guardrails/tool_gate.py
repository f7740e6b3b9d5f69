"""Stands between an agent and its tools: what the policy refuses becomes an error the model can read."""

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from langchain.agents.middleware import AgentMiddleware
from langchain.agents.middleware.types import ToolCallRequest
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool
from langgraph.runtime import get_runtime
from langgraph.types import Command
from pydantic import BaseModel

from twintrack.core.context import Identity, identity_of
from twintrack.core.errors import InputError, NotAllowed
from twintrack.core.tool_calls import Ledger, ToolUse, place_of
from twintrack.guardrails.tools import ToolPolicy

Approval = Callable[[ToolCallRequest], bool]
"""Tells whether a person has approved this very call."""


class ToolGate(AgentMiddleware[Any, Any, Any]):
    """Middleware of `create_agent` that enforces a `ToolPolicy`; put it outermost.

    A plain `ToolNode` takes its `awrap_tool_call`. With a ledger, calls of tools that are not annotated as
    read-only are written down in it, and one that the thread has made before is answered from it.
    """

    def __init__(
        self, policy: ToolPolicy, *, agent: str, approved: Approval = lambda _: False, ledger: Ledger | None = None
    ) -> None:
        super().__init__()
        self._policy = policy
        self._agent = agent
        self._approved = approved
        self._ledger = ledger

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
            result = await self._once(request, lambda: handler(request))
        except InputError as error:
            text = f"{error.problem} {error.fix}".strip()
            return ToolMessage(text, tool_call_id=call["id"], name=call["name"], status="error")
        return self._capped(result) if isinstance(result, ToolMessage) else result

    async def _once(self, request: ToolCallRequest, run: Callable[[], Awaitable[Any]]) -> Any:
        call, name = request.tool_call, request.tool_call["name"]
        place = place_of(request.runtime.config)
        if self._ledger is None or place is None or self._policy.reads_only(name):
            return await run()
        identity, repeat = caller_of(request.runtime)
        use = ToolUse(
            identity=identity,
            place=place,
            agent=self._agent,
            tool=name,
            arguments=call["args"],
            call_id=str(call["id"]),
            known=_calls_in(request.state) - {str(call["id"])},
            repeat=repeat,
        )
        return await self._ledger.once(use, run)

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

    def __init__(self, tool: BaseTool, policy: ToolPolicy, *, agent: str, ledger: Ledger | None = None) -> None:
        self._tool = tool
        self._policy = policy
        self._agent = agent
        self._ledger = ledger

    async def __call__(self, arguments: dict[str, Any], config: RunnableConfig) -> ToolMessage:
        """Run the call, or raise NotAllowed with the policy's reason."""
        name = self._tool.name
        verdict = self._policy.check_call(self._agent, name, arguments, _schema(self._tool))
        if verdict.blocked:
            raise NotAllowed(
                verdict.reason, fix=f"Let {self._agent} call only its own tools, as they ask to be called."
            )
        call = {"type": "tool_call", "id": uuid.uuid4().hex, "name": name, "args": arguments}
        message: ToolMessage = await self._once(call, lambda: self._tool.ainvoke(call, config), config)
        return message

    async def _once(self, call: dict[str, Any], run: Callable[[], Awaitable[Any]], config: RunnableConfig) -> Any:
        place, name = place_of(config), self._tool.name
        if self._ledger is None or place is None or self._policy.reads_only(name):
            return await run()
        identity, repeat = caller_of(get_runtime())
        use = ToolUse(
            identity=identity,
            place=place,
            agent=self._agent,
            tool=name,
            arguments=call["args"],
            call_id=str(call["id"]),
            repeat=repeat,
        )
        return await self._ledger.once(use, run)


def caller_of(runtime: Any) -> tuple[Identity, bool]:
    """Return who runs this, and whether tools are to be called again that were called before."""
    context = runtime.context
    again = context.get("repeat_tool_calls") if isinstance(context, dict) else getattr(context, "repeat_tool_calls", 0)
    try:
        return identity_of(runtime), again is True
    except (TypeError, AttributeError):
        return Identity(), again is True  # a graph of another kind, whose context names nobody


def _calls_in(state: Any) -> frozenset[str]:
    """Return the ids of the calls in an agent's conversation."""
    messages = state.get("messages", []) if isinstance(state, dict) else getattr(state, "messages", state)
    asked = (message for message in messages or [] if isinstance(message, AIMessage))
    return frozenset(str(call["id"]) for message in asked for call in message.tool_calls)


def _schema(tool: BaseTool | None) -> dict[str, Any] | None:
    if tool is None:
        return None
    schema = tool.tool_call_schema
    if isinstance(schema, dict):
        return schema
    return schema.model_json_schema() if issubclass(schema, BaseModel) else None
