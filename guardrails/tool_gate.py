"""Stands between an agent and its tools: what the policy refuses becomes an error the model can read."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from langchain.agents.middleware import AgentMiddleware
from langchain.agents.middleware.types import ModelRequest, ModelResponse, ToolCallRequest
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import BaseTool
from langgraph.config import get_config
from langgraph.errors import GraphInterrupt
from langgraph.types import Command
from pydantic import BaseModel

from twintrack.core.errors import InputError
from twintrack.core.tool_calls import Ledger, ToolUse, caller_of, place_of
from twintrack.guardrails.approval import approval_request, decided
from twintrack.guardrails.approvals import NOBODY, NOT_APPROVED, Approvals, Said
from twintrack.guardrails.origins import origins
from twintrack.guardrails.provenance import HOSTILE, seen_in
from twintrack.guardrails.result_cache import ResultCache
from twintrack.guardrails.task_tools import task_tools
from twintrack.guardrails.tool_audit import Case, ToolAudit
from twintrack.guardrails.tools import ToolPolicy
from twintrack.guardrails.verdict import Verdict

LABEL = "label"
"""Set on a tool message of which the answer must say something."""
BEFORE = "it was asked about before"


class ToolGate(AgentMiddleware[Any, Any, Any]):
    """Middleware of `create_agent` that enforces a `ToolPolicy`; put it outermost.

    A plain `ToolNode` takes its `awrap_tool_call`. A doubtful call waits for a person where the run has a
    checkpointer, and is refused where it has none. With a ledger, calls of tools that are not annotated as
    read-only are written down in it, and one that the thread has made before is answered from it.
    """

    def __init__(
        self,
        policy: ToolPolicy,
        *,
        agent: str,
        ledger: Ledger | None = None,
        approvals: Approvals | None = None,
        audit: ToolAudit | None = None,
    ) -> None:
        super().__init__()
        self._policy = policy
        self._agent = agent
        self._ledger = ledger
        self._approvals = approvals or Approvals()
        self._audit = audit or ToolAudit()
        self._cache = ResultCache()

    async def awrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]]
    ) -> ModelResponse[Any]:
        """Show the model only the tools that its task may use."""
        task = task_tools(request.runtime.context, get_config())
        shown = [tool for tool in request.tools if self._policy.serves(_name(tool), task)]
        return await handler(request if len(shown) == len(request.tools) else request.override(tools=shown))

    async def awrap_tool_call(
        self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], Awaitable[ToolMessage | Command[Any]]]
    ) -> ToolMessage | Command[Any]:
        """Run the call, or answer it with the refusal, so that every call has its answer in the history."""
        judged = await self._judged(request)
        if (allowed := judged.request) is None:
            return _labelled(_error(request.tool_call, judged.refusal), judged.label)
        try:
            result: ToolMessage | Command[Any] = await self._kept(allowed, lambda: handler(allowed))
        except InputError as error:
            return _error(allowed.tool_call, f"{error.problem} {error.fix}".strip())
        if not isinstance(result, ToolMessage):
            return result
        read = checked(self._policy, result, lambda decision: self._audit.note(self._case(allowed), decision))
        return _labelled(read, judged.label)

    async def _judged(self, request: ToolCallRequest) -> "Judged":
        """Return the call as it may be made, a person having been asked where there is doubt."""
        case = self._case(request)
        verdict = self._checked(request, case.arguments)
        if verdict.blocked:
            return Judged(refusal=self._audit.note(case, "refused", verdict.reason))
        doubts = self._policy.doubts(case.tool, case.arguments, seen_in(_messages(request.state)))
        waits = place_of(request.runtime.config) is not None
        if not doubts and not (waits and await self._approvals.asked(_place(request))):
            self._audit.note(case, "allowed")
            return Judged(request)
        if doubts and not (self._policy.asks and waits):
            why = f"{case.tool} was not called: {'; '.join(doubts)}."
            return Judged(refusal=self._audit.note(case, "refused", why))
        return await self._asked(request, case, doubts or [BEFORE])

    async def _asked(self, request: ToolCallRequest, case: Case, doubts: list[str]) -> "Judged":
        known = origins(case.arguments, self._policy.about(case.tool).arguments, seen_in(_messages(request.state)))
        asked = approval_request(self._agent, case.tool, case.arguments, doubts, known)
        try:
            said = await self._approvals.ask(asked, _place(request))
        except GraphInterrupt:
            self._audit.note(case, "asked", "; ".join(doubts))
            raise
        if said.lapsed:
            return self._lapsed(request, case, said)
        decision = decided(said.answer, case.arguments)
        if decision.arguments is None:
            why = self._audit.note(case, "rejected", decision.why_not, by="person")
            return Judged(refusal=why, label=f"{NOT_APPROVED}: {case.tool}")
        # A person may change the values, but not make the call one that nobody may make.
        verdict = self._checked(request, decision.arguments)
        if verdict.blocked:
            return Judged(refusal=self._audit.note(case, "refused", verdict.reason))
        self._audit.note(replace(case, arguments=decision.arguments), "approved", by="person")
        return Judged(request.override(tool_call={**request.tool_call, "args": decision.arguments}))

    def _lapsed(self, request: ToolCallRequest, case: Case, said: Said) -> "Judged":
        """Decide as the settings say where nobody did, and label what comes of it."""
        if said.approves(read_only=self._policy.only_looks(case.tool)):
            self._audit.note(case, "approved", NOBODY, by="time-out")
            return Judged(request, label=f"{case.tool} was approved by default, {NOBODY}")
        self._audit.note(case, "rejected", NOBODY, by="time-out")
        label = f"{NOT_APPROVED}: {case.tool} was rejected by default, {NOBODY}"
        return Judged(refusal=f"{label}.", label=label)

    def _case(self, request: ToolCallRequest) -> Case:
        call = request.tool_call
        return Case(self._agent, call["name"], call["args"], request.runtime, request.runtime.config)

    def _checked(self, request: ToolCallRequest, arguments: Any) -> Verdict:
        task = task_tools(getattr(request.runtime, "context", None), request.runtime.config)
        name = request.tool_call["name"]
        return self._policy.check_call(self._agent, name, arguments, schema_of(request.tool), task)

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


@dataclass(frozen=True, slots=True)
class Judged:
    """A call as it may be made, or why not."""

    request: ToolCallRequest | None = None
    refusal: str = ""
    label: str = ""
    """What the answer must say of it, where a person or the time decided against the agent."""


def checked(policy: ToolPolicy, message: ToolMessage, note: Callable[[str], object]) -> ToolMessage:
    """Return the result as a model may read it, and note what was found in it."""
    content, verdicts = message.content, list[Verdict]()
    name = str(message.name or "")

    def read(text: str) -> str:
        verdicts.append(policy.check_result(text, name))
        return verdicts[-1].text or text

    shown = read(content) if isinstance(content, str) else [_block(block, read) for block in content]
    if refused := next((verdict for verdict in verdicts if verdict.blocked), None):
        note("result refused")
        return message.model_copy(update={"content": refused.reason, "artifact": None, "status": "error"})
    if any(verdict.reason for verdict in verdicts):
        note("result marked")
        marked = {**message.additional_kwargs, HOSTILE: True}
        return message.model_copy(update={"content": shown, "additional_kwargs": marked})
    return message.model_copy(update={"content": shown})


def _block(block: str | dict[Any, Any], read: Callable[[str], str]) -> str | dict[Any, Any]:
    if isinstance(block, str):
        return read(block)
    return {**block, "text": read(block["text"])} if isinstance(block.get("text"), str) else block


def _labelled(message: ToolMessage, label: str) -> ToolMessage:
    if not label:
        return message
    return message.model_copy(update={"additional_kwargs": {**message.additional_kwargs, LABEL: label}})


def _place(request: ToolCallRequest) -> str:
    """Return where a question about the call is put: the same when the run goes on, in whatever process."""
    where = request.runtime.config.get("configurable") or {}
    return f"{where.get('checkpoint_ns', '')}|{request.tool_call['id']}"


def _name(tool: Any) -> str:
    return str(tool.get("name", "")) if isinstance(tool, dict) else str(tool.name)


def _error(call: Mapping[str, Any], text: str) -> ToolMessage:
    return ToolMessage(text, tool_call_id=call["id"], name=call["name"], status="error")


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
