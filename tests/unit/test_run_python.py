"""Programs that a model writes: they compute, and reach nothing of the host."""

from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from langchain_core.messages import AIMessage, BaseMessage
from langgraph.graph import END, START, StateGraph

from twintrack.app.parts import make_parts
from twintrack.app.testing import ScriptedChatModel
from twintrack.core.context import Context
from twintrack.core.settings import Settings
from twintrack.graphs.agents import AGENTS, table
from twintrack.graphs.make_agents import build_agents
from twintrack.nodes.calculate import Sandbox
from twintrack.nodes.state import NOTHING_RECALLED, Assignment, Step
from twintrack.nodes.tools import run_python
from twintrack.nodes.work import work

THREES = "total = 0\nfor n in range(1, 101):\n    if n % 3 == 0:\n        total += n\nprint(total)"
SETTINGS: dict[str, Any] = {"audit": {"keep": 0}, "team": {"calculator_seconds": 0.5, "calculator_memory_mb": 16}}


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    made = make_parts(Settings.model_validate(SETTINGS)).resources.sandbox
    yield made
    await made.aclose()


async def ran(sandbox: Sandbox, code: str) -> str:
    return str(await run_python(sandbox).ainvoke({"code": code}))


async def test_a_program_computes_and_what_it_prints_comes_back(sandbox: Sandbox) -> None:
    assert await ran(sandbox, THREES) == "1683"
    assert await ran(sandbox, "def f(n):\n    return n * n\n[f(n) for n in range(4)]") == "[0, 1, 4, 9]"
    assert await ran(sandbox, "x = 1") == "The program printed nothing."


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import os\nos.system('id')", "no attribute"),
        ("import os\nos.environ['HOME']", "not supported"),
        ("import subprocess", "No module"),
        ("import socket", "No module"),
        ("open('/etc/passwd').read()", "Permission denied"),
        ("from pathlib import Path\nPath('/etc/passwd').read_text()", "Permission denied"),
        ("open('out', 'w').write('x')", "Permission denied"),
        ("__import__('os')", "not defined"),
        ("().__class__.__base__.__subclasses__()", "no attribute"),
        ("while True:\n    pass", "time limit exceeded: .* > 500ms"),
        ("x = [0]\nwhile True:\n    x = x + x", "memory limit"),
        ("'a' * 10**9", "memory limit exceeded: .* > 16777216 bytes"),
        ("9**9**9", "memory limit"),
        ("def f(n):\n    return f(n + 1)\nf(0)", "recursion"),
        ("import asyncio\nasyncio.sleep(100)", "sleep limit"),
        ("while True:\n    print('x' * 1000)", "memory limit"),
    ],
)
async def test_a_program_that_wants_out_or_more_than_its_share_is_stopped(
    sandbox: Sandbox, code: str, why: str
) -> None:
    with pytest.raises(Exception, match=rf"(?s)The calculation failed: .*{why}"):
        await ran(sandbox, code)
    assert await ran(sandbox, "1 + 1") == "2"


async def test_the_calculator_that_a_model_plays_may_write_a_program_and_its_result_counts() -> None:
    def says(messages: list[BaseMessage]) -> AIMessage:
        if results := [one for one in messages if one.type == "tool"]:
            return AIMessage(f"The sum of the multiples of three is {results[-1].text}.")
        return AIMessage("", tool_calls=[{"id": "1", "name": "run_python", "args": {"code": THREES}}])

    model = ScriptedChatModel(script=says)
    resources = make_parts(Settings.model_validate(SETTINGS), models={"agent": model}).resources
    result = await worked(resources, "Add up the multiples of three up to 100.")
    assert (result["status"], result["text"]) == ("done", "The sum of the multiples of three is 1683.")
    assert model.tools[0] == ["calculate", "run_python"]


async def test_without_a_model_the_same_agent_reads_and_computes_the_expression() -> None:
    resources = make_parts(Settings.model_validate(SETTINGS)).resources
    assert (await worked(resources, "What is 17 * 23?"))["text"] == "17 * 23 = 391"


async def worked(resources: Any, task: str) -> Any:
    assert [row.name for row in table(resources)] == [row.name for row in AGENTS]
    agents = build_agents(resources, table(resources), lambda _: pytest.fail("no team"), at_once=None)

    async def node(state: Any) -> Any:
        return await work(state["given"], {}, agents=agents, seconds=lambda _: 10.0)

    graph: Any = StateGraph(cast(Any, dict), context_schema=Context)
    graph.add_node("work", node)
    graph.add_edge(START, "work")
    graph.add_edge("work", END)
    step = Step(id="1", agent="calculator", task=task, depends_on=[])
    given = Assignment(step=step, question=task, inputs=[], recalled=NOTHING_RECALLED)
    try:
        (result,) = (await graph.compile().ainvoke({"given": given}, context=Context()))["results"]
        return result
    finally:
        await resources.sandbox.aclose()
