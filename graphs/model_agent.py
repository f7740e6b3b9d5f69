"""Makes the sub-agent of one row that a model plays."""

from collections.abc import Sequence
from typing import Any

from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware
from langchain_core.language_models import BaseChatModel
from langchain_core.tools import BaseTool

from twintrack.core.context import Context
from twintrack.core.settings import TeamSettings
from twintrack.graphs.agent_row import AgentSpec, whole
from twintrack.graphs.call_limits import CallLimits
from twintrack.graphs.finish import Finish
from twintrack.graphs.long_context import LongContext
from twintrack.graphs.one_layer import OneLayer
from twintrack.graphs.summaries import Summaries
from twintrack.graphs.tool_choice import ToolChoice
from twintrack.graphs.tool_retry import ToolRetry
from twintrack.guardrails.tool_gate import ToolGate
from twintrack.guardrails.tools import ToolPolicy

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
    bounds: list[AgentMiddleware[Any, Any, Any]] = [
        Finish(),
        gate or ToolGate(policy, agent=spec.name),
        CallLimits(name=spec.name, model_calls=spec.model_calls or 0, tool_calls=spec.tool_calls or 0),
    ]
    # Models are tried again where they are called; a tool only where calling it twice changes nothing.
    if repeatable := [tool for tool in tools if policy.reads_only(tool.name)]:
        bounds.append(ToolRetry([*repeatable], numbers))
    cut = LongContext(spec.context_tokens or 0)
    middleware: list[AgentMiddleware[Any, Any, Any]] = [OneLayer([*bounds, cut])]
    if spec.summarize_above is not None:
        middleware = [OneLayer(bounds), Summaries(model, spec.summarize_above), cut]
    if len(tools) > numbers.tools_shown:
        middleware.append(ToolChoice(model, numbers.tools_shown))
    return create_agent(
        model,
        [*tools],
        system_prompt=spec.prompt,
        middleware=middleware,
        context_schema=Context,
        name=spec.name,
    )
