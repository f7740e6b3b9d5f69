"""A tool as one agent may call it where rules, and no model, play that agent."""

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from langchain_core.messages import ToolMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool
from langgraph.runtime import get_runtime

from twintrack.core.errors import NotAllowed
from twintrack.core.tool_calls import Ledger, ToolUse, caller_of, place_of
from twintrack.guardrails.provenance import HOSTILE
from twintrack.guardrails.task_tools import TaskTools, task_tools
from twintrack.guardrails.tool_audit import Case, ToolAudit
from twintrack.guardrails.tool_gate import schema_of
from twintrack.guardrails.tools import ToolPolicy


class GatedTool:
    """A tool as one agent may call it where no model plays that agent."""

    def __init__(
        self,
        tool: BaseTool,
        policy: ToolPolicy,
        *,
        agent: str,
        ledger: Ledger | None = None,
        audit: ToolAudit | None = None,
    ) -> None:
        self._audit = audit or ToolAudit()
        self._tool = tool
        self._policy = policy
        self._agent = agent
        self._ledger = ledger

    async def __call__(self, arguments: dict[str, Any], config: RunnableConfig) -> ToolMessage:
        """Run the call, or raise NotAllowed with the policy's reason."""
        name, runtime = self._tool.name, _runtime()
        case = Case(self._agent, name, arguments, runtime, config)
        if problem := self._problem(arguments, task_tools(getattr(runtime, "context", None), config)):
            self._audit.note(case, "refused", problem)
            raise NotAllowed(problem, fix=f"Let {self._agent} call only its own tools, as they ask to be called.")
        self._audit.note(case, "allowed")
        call = {"type": "tool_call", "id": uuid.uuid4().hex, "name": name, "args": arguments}
        message: ToolMessage = await self._once(call, lambda: self._tool.ainvoke(call, config), config)
        return self._checked(message, case)

    def _checked(self, message: ToolMessage, case: Case) -> ToolMessage:
        """Return the result where it may be read, flagged where it gives orders.

        Rules read the words as they came; a model that is shown them later is warned there.
        """
        verdict = self._policy.check_result(str(message.text), case.tool)
        if verdict.blocked:
            self._audit.note(case, "result refused")
            raise NotAllowed(verdict.reason, fix="Use another tool.")
        if not verdict.reason:
            return message
        self._audit.note(case, "result marked")
        return message.model_copy(update={"additional_kwargs": {**message.additional_kwargs, HOSTILE: True}})

    def _problem(self, arguments: dict[str, Any], task: TaskTools) -> str:
        """Say why not; rules that choose the arguments read them out of the user's own words, so none is strange."""
        verdict = self._policy.check_call(self._agent, self._tool.name, arguments, schema_of(self._tool), task)
        known = self._policy.about(self._tool.name)
        if not verdict.blocked and (known.destructive or known.approve):
            return f"A person must approve each call of {self._tool.name}."
        return verdict.reason

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


def _runtime() -> Any:
    """Return the run's own part of LangGraph, or None outside a graph."""
    try:
        return get_runtime()
    except (RuntimeError, KeyError):
        return None
