"""An agent with more tools than a model should be shown: a first call chooses among them."""

from collections.abc import Sequence
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.tools import StructuredTool

from twintrack.app.testing import ScriptedChatModel
from twintrack.core.settings import TeamSettings
from twintrack.graphs.agent_row import AgentSpec
from twintrack.graphs.model_agent import model_agent
from twintrack.guardrails.task_tools import narrowed
from twintrack.guardrails.tools import ToolPolicy

DONE = AIMessage("done")
NAMES = [f"tool_{letter}" for letter in "abcde"]


async def nothing() -> str:
    return "nothing"


def clerk(tools_shown: int, chosen: Sequence[str] = ("tool_b", "tool_d")) -> tuple[ScriptedChatModel, Any]:
    """Return an agent with five tools that calls one of them twice, and its model."""

    def script(messages: list[BaseMessage]) -> AIMessage:
        if "select" in messages[0].text.casefold():
            arguments = {"tools": [*chosen]}
            return AIMessage("", tool_calls=[{"name": "ToolSelectionResponse", "args": arguments, "id": "1"}])
        done = sum(isinstance(message, ToolMessage) for message in messages)
        return AIMessage("", tool_calls=[{"name": "tool_b", "args": {}, "id": f"b{done}"}]) if done < 2 else DONE

    model = ScriptedChatModel(script=script)
    tools = [StructuredTool.from_function(coroutine=nothing, name=name, description=name) for name in NAMES]
    spec, policy = AgentSpec(name="clerk", purpose="Works."), ToolPolicy(allowed={"clerk": frozenset(NAMES)})
    return model, model_agent(spec, model, tools, policy, numbers=TeamSettings(tools_shown=tools_shown))


async def test_the_model_is_shown_the_tools_that_a_first_call_chose_for_the_whole_task() -> None:
    model, agent = clerk(3)
    await agent.ainvoke({"messages": [HumanMessage("go")]})
    assert model.tools[1:] == [["tool_b", "tool_d"]] * 3
    assert len(model.prompts) == 4


@pytest.mark.parametrize("chosen", [("tool_b", "tool_x"), ("tool_x",)])
async def test_a_choice_that_names_what_is_not_there_leaves_all_tools(chosen: tuple[str, ...]) -> None:
    model, agent = clerk(3, chosen)
    state = await agent.ainvoke({"messages": [HumanMessage("go")]})
    assert state["messages"][-1].text == "done"
    assert model.tools[1:] == [NAMES] * 3


async def test_where_the_task_leaves_few_tools_nobody_chooses() -> None:
    model, agent = clerk(3)
    bounded: Any = narrowed({}, ["tool_a", "tool_b"])
    await agent.ainvoke({"messages": [HumanMessage("go")]}, bounded)
    assert model.tools == [["tool_a", "tool_b"]] * 3


async def test_few_tools_are_all_shown_at_once() -> None:
    model, agent = clerk(5)
    await agent.ainvoke({"messages": [HumanMessage("go")]})
    assert model.tools == [NAMES] * 3
