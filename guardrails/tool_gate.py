"""Stands between an agent and its tools: what the policy refuses becomes an error the model can read."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from langchain.agents.middleware import AgentMiddleware
from langchain.agents.middleware.types import ToolCallRequest
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import BaseTool
from langgraph.types import Command, interrupt
from pydantic import BaseModel

from twintrack.core.context import Identity, identity_of
from twintrack.core.errors import InputError
from twintrack.core.tool_calls import Ledger, ToolUse, place_of
from twintrack.guardrails.approval import approval_request, decided
from twintrack.guardrails.provenance import HOSTILE, seen_in
from twintrack.guardrails.result_cache import ResultCache
from twintrack.guardrails.tools import ToolPolicy
from twintrack.guardrails.verdict import Verdict

audit = logging.getLogger("twintrack.audit.tools")
"""Every decision about a call: who, what, why; never the values of its arguments."""


class ToolGate(AgentMiddleware[Any, Any, Any]):
    """Middleware of `create_agent` that enforces a `ToolPolicy`; put it outermost.

    A plain `ToolNode` takes its `awrap_tool_call`. A doubtful call waits for a person where the run has a
    checkpointer, and is refused where it has none. With a ledger, calls of tools that are not annotated as
    read-only are written down in it, and one that the thread has made before is answered from it.
    """

    def __init__(self, policy: ToolPolicy, *, agent: str, ledger: Ledger | None = None) -> None:
        super().__init__()
        self._policy = policy
        self._agent = agent
        self._ledger = ledger
        self._cache = ResultCache()

    async def awrap_tool_call(
        self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], Awaitable[ToolMessage | Command[Any]]]
    ) -> ToolMessage | Command[Any]:
        """Run the call, or answer it with the refusal, so that every call has its answer in the history."""
        allowed, refusal = self._allowed(request)
        if allowed is None:
            return _error(request.tool_call, refusal)
        try:
            result = await self._kept(allowed, lambda: handler(allowed))
        except InputError as error:
            return _error(allowed.tool_call, f"{error.problem} {error.fix}".strip())
        return checked(self._policy, self._agent, result) if isinstance(result, ToolMessage) else result

    def _allowed(self, request: ToolCallRequest) -> tuple[ToolCallRequest | None, str]:
        """Return the call as it may be made, a person having been asked where there is doubt."""
        call = request.tool_call
        name, arguments = call["name"], call["args"]
        verdict = self._policy.check_call(self._agent, name, arguments, schema_of(request.tool))
        if verdict.blocked:
            return None, note(self._agent, name, "refused", verdict.reason)
        doubts = self._policy.doubts(name, arguments, seen_in(_messages(request.state)))
        if not doubts:
            note(self._agent, name, "allowed")
            return request, ""
        if not self._policy.asks or place_of(request.runtime.config) is None:
            return None, note(self._agent, name, "refused", f"{name} was not called: {'; '.join(doubts)}.")
        note(self._agent, name, "asked")
        decision = decided(interrupt(approval_request(self._agent, name, arguments, doubts)), arguments)
        if decision.arguments is None:
            return None, note(self._agent, name, "rejected", decision.why_not)
        # A person may change the values, but not make the call one that nobody may make.
        verdict = self._policy.check_call(self._agent, name, decision.arguments, schema_of(request.tool))
        if verdict.blocked:
            return None, note(self._agent, name, "refused", verdict.reason)
        note(self._agent, name, "approved")
        return request.override(tool_call={**call, "args": decision.arguments}), ""

    async def _kept(self, request: ToolCallRequest, run: Callable[[], Awaitable[Any]]) -> Any:
        name, seconds = request.tool_call["name"], self._policy.about(request.tool_call["name"]).cache_seconds
        if not (seconds and self._policy.reads_only(name)):
            return await self._once(request, run)
        identity, _ = caller_of(request.runtime)
        return await self._cache.get(identity, request.tool_call, run, seconds)

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


def note(agent: str, tool: str, decision: str, why: str = "") -> str:
    """Write a decision down; return the reason."""
    # A reason may hold a value that the model chose, so the log gets its kind alone.
    audit.info("%s: %s %s", agent, tool[:100], decision, extra={"agent": agent, "tool": tool, "decision": decision})
    return why


def checked(policy: ToolPolicy, agent: str, message: ToolMessage) -> ToolMessage:
    """Return the result as a model may read it."""
    content, verdicts = message.content, list[Verdict]()
    name = str(message.name or "")

    def read(text: str) -> str:
        verdicts.append(policy.check_result(text, name))
        return verdicts[-1].text or text

    shown = read(content) if isinstance(content, str) else [_block(block, read) for block in content]
    if refused := next((verdict for verdict in verdicts if verdict.blocked), None):
        note(agent, name, "result refused")
        return message.model_copy(update={"content": refused.reason, "artifact": None, "status": "error"})
    if any(verdict.reason for verdict in verdicts):
        note(agent, name, "result marked")
        marked = {**message.additional_kwargs, HOSTILE: True}
        return message.model_copy(update={"content": shown, "additional_kwargs": marked})
    return message.model_copy(update={"content": shown})


def _block(block: str | dict[Any, Any], read: Callable[[str], str]) -> str | dict[Any, Any]:
    if isinstance(block, str):
        return read(block)
    return {**block, "text": read(block["text"])} if isinstance(block.get("text"), str) else block


def _error(call: Mapping[str, Any], text: str) -> ToolMessage:
    return ToolMessage(text, tool_call_id=call["id"], name=call["name"], status="error")


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
    asked = (message for message in _messages(state) if isinstance(message, AIMessage))
    return frozenset(str(call["id"]) for message in asked for call in message.tool_calls)


def _messages(state: Any) -> list[Any]:
    found = state.get("messages", []) if isinstance(state, dict) else getattr(state, "messages", state)
    return list(found or [])


def schema_of(tool: BaseTool | None) -> dict[str, Any] | None:
    """Return the schema of what the model may fill in."""
    if tool is None:
        return None
    schema = tool.tool_call_schema
    if isinstance(schema, dict):
        return schema
    return schema.model_json_schema() if issubclass(schema, BaseModel) else None
