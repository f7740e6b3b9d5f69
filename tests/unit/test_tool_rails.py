from collections.abc import Iterator
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import BaseTool, StructuredTool, tool

from twintrack.guardrails.provenance import Seen
from twintrack.guardrails.tool_gate import ToolGate
from twintrack.guardrails.tools import ToolAnnotations, ToolPolicy

SCHEMA = {
    "type": "object",
    "properties": {"query": {"type": "string", "maxLength": 20}, "limit": {"type": "integer", "minimum": 1}},
    "required": ["query"],
}
POLICY = ToolPolicy(
    allowed={"researcher": frozenset({"search", "delete"})},
    annotations={"search": ToolAnnotations(read_only=True), "delete": ToolAnnotations(destructive=True)},
    max_result_chars=50,
)


def test_a_tool_is_allowed_by_agent_and_name_only() -> None:
    assert POLICY.check_call("researcher", "search", {"query": "ice"}, SCHEMA).action == "allow"
    assert POLICY.check_call("researcher", "shell", {"query": "ice"}, SCHEMA).blocked
    assert POLICY.check_call("stranger", "search", {"query": "ice"}, SCHEMA).blocked


def test_a_call_that_cannot_be_undone_is_doubtful_whatever_was_said() -> None:
    assert POLICY.doubts("delete", {"query": "ice"}, Seen("delete ice")) == ["it cannot be undone"]
    assert POLICY.doubts("search", {"query": "ice"}, Seen("delete ice")) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "query"),
        ({"query": 3}, "query: 3 is not of type"),
        ({"query": "x" * 21}, "longer than 20"),
        ({"query": "ice", "limit": 0}, "limit: 0 is less than"),
        ({"query": "ice", "shell": "rm"}, "unknown arguments: shell"),
        ("ice", "is not of type"),
        (None, "is not of type"),
    ],
)
def test_arguments_that_break_the_schema_are_refused_with_the_reason(arguments: Any, said: str) -> None:
    verdict = POLICY.check_call("researcher", "search", arguments, SCHEMA)
    assert verdict.blocked
    assert said in verdict.reason


@pytest.mark.parametrize("schema", [None, {"type": "nonsense"}, {"$ref": "http://127.0.0.1:9/schema.json"}])
def test_a_tool_without_a_readable_schema_is_refused(schema: Any) -> None:
    assert POLICY.check_call("researcher", "search", {"query": "ice"}, schema).blocked


def test_a_long_result_is_cut_and_says_so() -> None:
    assert POLICY.check_result("x" * 50).action == "allow"
    assert POLICY.check_result("x" * 80).text == "x" * 50 + "\n[cut: 50 of 80 characters are shown]"


ran: list[str] = []


@pytest.fixture(autouse=True)
def nothing_ran() -> None:
    ran.clear()


@tool
async def search(query: str, limit: int = 3) -> str:
    """Search."""
    ran.append(query)
    return query * limit


@tool
async def shell(command: str) -> str:
    """Run."""
    ran.append(command)
    return "done"


class Scripted(GenericFakeChatModel):
    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self


def script(*calls: dict[str, Any]) -> Iterator[AIMessage]:
    yield AIMessage("", tool_calls=[{"id": str(place), **call} for place, call in enumerate(calls)])
    yield AIMessage("finished")


async def run(*calls: dict[str, Any], tools: tuple[BaseTool, ...] = (search, shell)) -> list[ToolMessage]:
    agent = create_agent(Scripted(messages=script(*calls)), tools, middleware=[ToolGate(POLICY, agent="researcher")])
    state = await agent.ainvoke({"messages": [HumanMessage("go")]})
    assert state["messages"][-1].content == "finished"
    return [message for message in state["messages"] if isinstance(message, ToolMessage)]


async def test_a_refused_call_is_answered_with_an_error_and_never_runs() -> None:
    answers = await run({"name": "shell", "args": {"command": "rm"}}, {"name": "search", "args": {"query": "ice"}})
    assert [(answer.status, answer.tool_call_id) for answer in answers] == [("error", "0"), ("success", "1")]
    assert ran == ["ice"]


async def test_wrong_arguments_and_an_unknown_tool_are_answered_with_errors() -> None:
    answers = await run(
        {"name": "search", "args": {"query": 3}},
        {"name": "search", "args": {"query": "ice", "extra": 1}},
        {"name": "missing", "args": {}},
    )
    assert [answer.status for answer in answers] == ["error"] * 3
    assert ran == []


async def test_a_long_result_reaches_the_model_cut() -> None:
    (answer,) = await run({"name": "search", "args": {"query": "x" * 15, "limit": 10}})
    assert answer.status == "success"
    assert str(answer.content).startswith("x" * 50 + "\n[cut")


async def test_a_tool_described_by_a_plain_json_schema_is_checked_as_well() -> None:
    async def look(**arguments: Any) -> str:
        ran.append(arguments["query"])
        return "found"

    described = StructuredTool(name="search", description="Search.", args_schema=SCHEMA, coroutine=look)
    good, bad = await run(
        {"name": "search", "args": {"query": "ice"}},
        {"name": "search", "args": {"query": "ice", "limit": 0}},
        tools=(described,),
    )
    assert (good.status, bad.status) == ("success", "error")
    assert ran == ["ice"]
