"""Makes the sub-agent of one row that a model plays."""

from collections.abc import Sequence
from typing import Any

from langchain.agents import create_agent
from langchain.agents.middleware import (
    AgentMiddleware,
    LLMToolSelectorMiddleware,
    ToolRetryMiddleware,
)
from langchain_core.language_models import BaseChatModel
from langchain_core.tools import BaseTool

from twintrack.core.context import Context
from twintrack.core.errors import ModelUnavailable, RedisUnavailable, Unavailable
from twintrack.core.settings import TeamSettings
from twintrack.graphs.agent_row import AgentSpec, whole
from twintrack.graphs.call_limits import CallLimits
from twintrack.graphs.finish import Finish
from twintrack.graphs.long_context import LongContext
from twintrack.guardrails.tool_gate import ToolGate
from twintrack.guardrails.tools import ToolPolicy

MANY_TOOLS = 12
"""More tools than these, and a first call chooses those that are shown."""
_RETRIES = 2
_USUAL = TeamSettings()


def model_agent(
    row: AgentSpec,
    model: BaseChatModel,
    tools: Sequence[BaseTool],
    policy: ToolPolicy,
    gate: ToolGate | None = None,
    numbers: TeamSettings = _USUAL,
) -> Any:
    """Return the compiled agent; the gate stands outermost, so that each call has its answer in the history."""
    spec = whole(row, numbers)
    middleware: list[AgentMiddleware[Any, Any, Any]] = [
        Finish(),
        gate or ToolGate(policy, agent=spec.name),
        CallLimits(model_calls=spec.model_calls or 0, tool_calls=spec.tool_calls or 0),
        LongContext(spec.context_tokens or 0),
    ]
    # Models are tried again where they are called; a tool only where calling it twice changes nothing.
    if repeatable := [tool for tool in tools if policy.reads_only(tool.name)]:
        middleware.append(
            ToolRetryMiddleware(
                tools=[*repeatable], max_retries=_RETRIES, retry_on=_worth_another_try, on_failure="error"
            )
        )
    if len(tools) > MANY_TOOLS:
        middleware.append(LLMToolSelectorMiddleware(model=model, max_tools=MANY_TOOLS))
    return create_agent(
        model,
        [*tools],
        system_prompt=spec.prompt,
        middleware=middleware,
        context_schema=Context,
        name=spec.name,
    )


def _worth_another_try(error: Exception) -> bool:
    """Tell whether nobody has tried again yet: the clients of models and of Redis have, before they gave up."""
    return isinstance(error, Unavailable) and not isinstance(error, ModelUnavailable | RedisUnavailable)
