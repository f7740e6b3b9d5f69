import logging
import sys
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from pydantic import SecretStr, ValidationError

from twintrack.app.assemble import open_app
from twintrack.app.mcp_tools import LateTools, OutsideTools, annotations_of, open_mcp, with_tools
from twintrack.app.testing import ScriptedChatModel
from twintrack.core.errors import SettingsError, Unavailable
from twintrack.core.settings import McpServerSettings, McpToolSettings, RedisSettings, Settings
from twintrack.core.tool_settings import ArgumentSettings
from twintrack.graphs.agents import AGENTS, cards, done_once
from twintrack.guardrails.argument_rules import ArgumentRule
from twintrack.guardrails.tools import ToolAnnotations

pytest.importorskip("langchain_mcp_adapters")

pytestmark = pytest.mark.slow
DESK = Path(__file__).with_name("mcp_desk.py")


def desk(**more: Any) -> McpServerSettings:
    chosen: dict[str, Any] = {
        "command": sys.executable,
        "args": (str(DESK),),
        "env": {"DESK_KEY": SecretStr("k-123")},
        "agents": {"researcher": ("stock",)},
        "read_only": ("stock",),
        "timeout_s": 20,
    }
    return McpServerSettings(**(chosen | more))


def dead(**more: Any) -> McpServerSettings:
    return desk(command="/nonexistent/desk", args=("--key", "k-123"), **more)


async def called(given: OutsideTools, agent: str, name: str, **arguments: Any) -> str:
    tool = next(tool for tool in given.by_agent[agent] if tool.name == name)
    message = await tool.ainvoke({"type": "tool_call", "id": "1", "name": name, "args": arguments})
    return str(message.text)


async def test_an_agent_gets_the_tools_it_may_call_from_one_session_and_no_others() -> None:
    async with open_mcp({"desk": desk()}) as given:
        assert [tool.name for tool in given.by_agent["researcher"]] == ["stock"]
        assert given.annotations["stock"].read_only
        assert await called(given, "researcher", "stock", item="pens") == "pens: 41 (k-123)"
        assert await called(given, "researcher", "stock", item="pens") == "pens: 42 (k-123)"


def test_the_settings_say_of_each_tool_what_bounds_it() -> None:
    order = McpToolSettings(
        approve=True,
        asked_by=("order",),
        arguments={"amount": ArgumentSettings(at_most=5), "item": ArgumentSettings(from_user=True, sources=("stock",))},
        result={"type": "string"},
    )
    settings = desk(agents={"researcher": ("stock", "order")}, tools={"order": order, "stock": {"cache_seconds": 60}})
    known = {name: annotations_of(name, settings) for name in ("stock", "order")}
    assert (known["stock"].read_only, known["stock"].cache_seconds) == (True, 60)
    assert known["order"] == ToolAnnotations(
        approve=True,
        asked_by=frozenset({"order"}),
        arguments={
            "amount": ArgumentRule(at_most=5),
            "item": ArgumentRule(from_user=True, sources=frozenset({"stock"})),
        },
        result={"type": "string"},
    )


async def test_what_the_program_says_of_a_tool_stands_beside_and_above_what_the_settings_say(redis_url: str) -> None:
    settings = Settings(redis=RedisSettings(url=SecretStr(redis_url)), mcp={"desk": desk()})
    mine = {"stock": ToolAnnotations(destructive=True), "other": ToolAnnotations(approve=True)}
    async with open_app(settings, annotations=mine) as app:
        assert app.parts.resources.annotations == mine
    async with open_app(settings, annotations={"other": mine["other"]}) as app:
        assert set(app.parts.resources.annotations) == {"stock", "other"}


async def test_tools_that_come_at_the_first_run_are_named_before_and_opened_once() -> None:
    late = LateTools({"desk": desk()})
    rows = late.named(AGENTS)
    assert [row.outside for row in rows] == [("stock",), ()]
    assert cards(rows)[0].tools == ("search_corpus", "stock")
    assert "researcher" not in done_once(rows, {})
    try:
        row, known, whole = await late.of(rows[0])
        again, _, _ = await late.of(rows[0])
        assert ([tool.name for tool in row.tools if not isinstance(tool, str)], whole) == (["stock"], True)
        assert again.tools == row.tools
        assert known["stock"].read_only
    finally:
        await late.aclose()
    with pytest.raises(SettingsError, match="no such agent"):
        LateTools({"desk": desk(agents={"stranger": ("stock",)})}).named(AGENTS)


async def test_a_server_that_did_not_answer_at_the_first_run_is_asked_again_at_the_next() -> None:
    late = LateTools({"broken": dead()})
    try:
        (row, _) = late.named(AGENTS)
        assert not (await late.of(row))[2]
        assert not (await late.of(row))[2]
    finally:
        await late.aclose()


async def test_a_server_that_cannot_start_is_an_error_of_its_tools_alone(caplog: pytest.LogCaptureFixture) -> None:
    both = {"desk": desk(), "broken": dead(agents={"researcher": ("weigh",)})}
    async with open_mcp(both) as given:
        with pytest.raises(Unavailable, match="The MCP server broken does not answer"):
            await called(given, "researcher", "weigh", item="pens")
        assert "41" in await called(given, "researcher", "stock", item="pens")
    assert "k-123" not in caplog.text
    assert "broken does not answer" in caplog.text


async def test_a_server_that_dies_is_an_error_once_and_is_opened_again_for_the_next_call() -> None:
    async with open_mcp({"desk": desk(agents={"researcher": ("stock", "fall_over")})}) as given:
        assert "41" in await called(given, "researcher", "stock", item="pens")
        with pytest.raises(Unavailable, match="does not answer"):
            await called(given, "researcher", "fall_over")
        assert "41" in await called(given, "researcher", "stock", item="pens")


async def test_a_model_calls_an_outside_tool_through_the_gate_and_its_agent_alone(redis_url: str) -> None:
    call = AIMessage("", tool_calls=[{"id": "1", "name": "stock", "args": {"item": "pens"}}])
    wrong = AIMessage("", tool_calls=[{"id": "2", "name": "order", "args": {"item": "pens", "amount": 1}}])

    def line(messages: list[BaseMessage]) -> AIMessage:
        answered = sum(message.type == "tool" for message in messages)
        found = "search_corpus" in messages[0].text
        return [call, wrong, AIMessage("There are 41 pens.")][answered] if found else AIMessage("NO ANSWER")

    model = ScriptedChatModel(script=line)
    settings = Settings(redis=RedisSettings(url=SecretStr(redis_url)), mcp={"desk": desk()})
    async with open_app(settings, models={"agent": model}) as app:
        answer = await app.ask("How many pens are there and what is 6 * 7 plus the square root of 81?")
    assert ["search_corpus", "stock"] in [sorted(names) for names in model.tools]
    assert not any("stock" in names for names in model.tools if "search_corpus" not in names)
    said = max(([one for one in prompt if one.type == "tool"] for prompt in model.prompts), key=len)
    assert [
        (message.name, message.text[:8], message.status) for message in said if isinstance(message, ToolMessage)
    ] == [
        ("stock", "pens: 41", "success"),
        ("order", "This too", "error"),
    ]
    assert answer.status != "failed"


def test_settings_name_one_way_in_and_agents_that_exist() -> None:
    with pytest.raises(ValidationError, match="either a command or a url"):
        desk(url="http://127.0.0.1:1/mcp")
    with pytest.raises(SettingsError, match="no such agent"):
        with_tools(AGENTS, OutsideTools({"stranger": ()}, {}))
    assert "k-123" not in repr(desk())


async def test_starting_the_application_with_a_dead_server_breaks_nothing(
    redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    settings = Settings(redis=RedisSettings(url=SecretStr(redis_url)), mcp={"broken": dead()})
    async with open_app(settings) as app:
        assert (await app.ask("What is 6 * 7?")).text
    assert "k-123" not in caplog.text
