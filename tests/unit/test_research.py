"""Agents without a model call tools under the same policy as those with one."""

from typing import Any

import pytest
from langchain_core.tools import BaseTool, tool

from twintrack.core.errors import InputError, NotAllowed
from twintrack.guardrails.gated_tool import GatedTool
from twintrack.guardrails.tool_gate import ToolGate
from twintrack.guardrails.tools import ToolPolicy
from twintrack.nodes.research import Calculator
from twintrack.nodes.state import NOTHING_RECALLED, Assignment, Step

POLICY = ToolPolicy(allowed={"calculator": frozenset({"calculate"})})


@tool
async def calculate(expression: str) -> str:
    """Compute."""
    return "4"


@tool
async def delete(expression: str) -> str:
    """Delete."""
    pytest.fail("ran what the policy forbids")


def calculator(used: BaseTool, agent: str = "calculator") -> Calculator:
    return Calculator(GatedTool(used, POLICY, agent=agent))


def assignment(task: str) -> Assignment:
    step = Step(id="s", agent="calculator", task=task, depends_on=[])
    return Assignment(step=step, question=task, inputs=[], recalled=NOTHING_RECALLED)


async def test_an_agent_calls_its_own_tool() -> None:
    assert (await calculator(calculate)(assignment("What is 2 + 2?"), {})).text == "2 + 2 = 4"


@pytest.mark.parametrize("one", [calculator(delete), calculator(calculate, agent="stranger")])
async def test_an_agent_without_a_model_cannot_call_a_tool_that_is_not_its_own(one: Calculator) -> None:
    with pytest.raises(NotAllowed, match="not available"):
        await one(assignment("What is 2 + 2?"), {})


async def test_arguments_are_checked_against_the_tools_schema() -> None:
    with pytest.raises(NotAllowed, match="arguments"):
        await GatedTool(calculate, POLICY, agent="calculator")({"expression": 3, "shell": "x"}, {})


async def test_a_wrong_call_of_a_model_is_told_to_it_and_does_not_end_the_agent() -> None:
    async def fails(_: Any) -> Any:
        raise InputError("The calculation failed.", fix="Correct the expression.")

    request: Any = type("Request", (), {})()
    request.tool, request.state = calculate, {}
    request.runtime = type("Runtime", (), {"config": {}})()
    request.tool_call = {"id": "1", "name": "calculate", "args": {"expression": "2 +"}}
    message: Any = await ToolGate(POLICY, agent="calculator").awrap_tool_call(request, fails)
    assert (message.status, message.text) == ("error", "The calculation failed. Correct the expression.")
