"""An agent with more tools than a model should be shown: a first call chooses among them."""

from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.tools import StructuredTool

from twintrack.app.testing import ScriptedChatModel
from twintrack.core.settings import TeamSettings
from twintrack.graphs.agent_row import AgentSpec
from twintrack.graphs.model_agent import model_agent
from twintrack.guardrails.tools import ToolPolicy

NAMES = [f"tool_{letter}" for letter in "abcde"]


async def nothing() -> str:
    return "nothing"


def clerk(tools_shown: int) -> tuple[ScriptedChatModel, Any]:
    """Return an agent with five tools, and its model."""

    def script(messages: list[BaseMessage]) -> AIMessage:
        if "select" in messages[0].text.casefold():
            chosen = {"tools": ["tool_b", "tool_d"]}
            return AIMessage("", tool_calls=[{"name": "ToolSelectionResponse", "args": chosen, "id": "1"}])
        return AIMessage("done")

    model = ScriptedChatModel(script=script)
    tools = [StructuredTool.from_function(coroutine=nothing, name=name, description=name) for name in NAMES]
    spec, policy = AgentSpec(name="clerk", purpose="Works."), ToolPolicy(allowed={"clerk": frozenset(NAMES)})
    return model, model_agent(spec, model, tools, policy, numbers=TeamSettings(tools_shown=tools_shown))


async def test_the_model_is_shown_the_tools_that_a_first_call_chose() -> None:
    model, agent = clerk(3)
    await agent.ainvoke({"messages": [HumanMessage("go")]})
    assert model.tools[-1] == ["tool_b", "tool_d"]
    assert len(model.prompts) == 2


async def test_few_tools_are_all_shown_at_once() -> None:
    model, agent = clerk(5)
    await agent.ainvoke({"messages": [HumanMessage("go")]})
    assert model.tools == [NAMES]
