"""The true ChatOpenAI path against a scripted server: every answer and every fault a provider can give."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
import stamina
import stamina.instrumentation
from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, ToolMessage
from pydantic import BaseModel

from tests.waiting import PATIENCE_S, until
from twintrack.app.testing import (
    Reply,
    StubServer,
    breaks_off,
    calls,
    fails,
    garbage,
    hangs,
    rate_limited,
    says,
)
from twintrack.core.errors import ModelUnavailable, SettingsError
from twintrack.core.models import Models
from twintrack.core.resilience import log_retries_with_logging
from twintrack.core.settings import ModelSettings


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with stamina.set_testing(True, attempts=10, cap=True):
        yield


def model_on(server: StubServer, **settings: Any) -> BaseChatModel:
    tree = ModelSettings.model_validate({"agent": "openai:stub-1", "base_url": server.base_url, **settings})
    model = Models(tree).chat("agent")
    assert model is not None
    return model


async def test_an_answer_carries_its_text_and_usage() -> None:
    async with StubServer([says("Paris it is")]) as server:
        answer = await model_on(server).ainvoke("Where is the Louvre?")
    assert answer.text == "Paris it is"
    assert answer.usage_metadata is not None
    assert answer.usage_metadata["output_tokens"] == 3


async def test_parallel_tool_calls_arrive_together() -> None:
    def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    async with StubServer([calls(("add", {"a": 1, "b": 2}), ("add", {"a": 3, "b": 4}))]) as server:
        answer = await model_on(server).bind_tools([add]).ainvoke("sums")
    assert [call["args"] for call in answer.tool_calls] == [{"a": 1, "b": 2}, {"a": 3, "b": 4}]
    assert server.requests[0]["tools"][0]["function"]["name"] == "add"


async def test_a_stream_arrives_in_pieces_and_counts_its_tokens() -> None:
    async with StubServer([says("one two three")]) as server:
        pieces = [piece async for piece in model_on(server).astream("count")]
    whole = sum(pieces[1:], pieces[0])
    assert isinstance(whole, AIMessageChunk)
    assert len([piece for piece in pieces if piece.text]) == 3
    assert whole.text == "one two three"
    assert whole.usage_metadata is not None
    assert whole.usage_metadata["output_tokens"] == 3


async def test_structured_output_passes_the_guard() -> None:
    class City(BaseModel):
        name: str

    async with StubServer([rate_limited(), says('{"name": "Paris"}')]) as server:
        answer = await model_on(server).with_structured_output(City).ainvoke("which?")
    assert answer == City(name="Paris")
    assert len(server.requests) == 2


async def test_an_agent_survives_a_rate_limit_and_a_failure() -> None:
    def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    script = [rate_limited(), calls(("add", {"a": 1, "b": 2})), fails(503), says("3")]
    async with StubServer(script) as server:
        agent: Any = create_agent(model_on(server), [add])
        state = await agent.ainvoke({"messages": [("user", "1+2?")]})
    assert state["messages"][-1].text == "3"
    assert [m.content for m in state["messages"] if isinstance(m, ToolMessage)] == ["3"]
    assert len(server.requests) == 4


@pytest.mark.parametrize(
    "fault", [rate_limited(1), fails(500), fails(503), hangs(PATIENCE_S)], ids=["429", "500", "503", "late"]
)
async def test_a_passing_fault_is_tried_again(fault: Reply) -> None:
    async with StubServer([fault, says("back")]) as server:
        answer = await model_on(server, timeout_s=3).ainvoke("hello")
    assert answer.text == "back"
    assert len(server.requests) == 2


async def test_attempts_are_counted_in_one_layer_only() -> None:
    async with StubServer(lambda _: fails(500)) as server:
        with pytest.raises(ModelUnavailable, match="failed on its side"):
            await model_on(server, max_attempts=3).ainvoke("hello")
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (rate_limited(7), "Try again in 7 seconds"),
        (garbage(), "could not be read"),
        (garbage(b"<html>busy</html>"), "could not be read"),
        (garbage(b'{"choices": []}'), "could not be read"),
        (garbage(b'{"choices": null}'), "could not be read"),
        (fails(401), "TWINTRACK_MODELS__API_KEY"),
        (fails(400), "refused the request"),
    ],
)
async def test_a_lasting_fault_is_said_in_our_words(fault: Reply, words: str) -> None:
    async with StubServer(lambda _: fault) as server:
        with pytest.raises(ModelUnavailable, match=words):
            await model_on(server).ainvoke("hello")


async def test_an_unknown_model_names_its_setting() -> None:
    async with StubServer([fails(404)]) as server:
        with pytest.raises(SettingsError, match="TWINTRACK_MODELS__AGENT=openai:stub-1"):
            await model_on(server).ainvoke("hello")
    assert len(server.requests) == 1


async def test_a_connection_left_by_an_ended_loop_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    async with StubServer([says("back")]) as server:
        model: Any = model_on(server)
        create = model.root_async_client.chat.completions.with_raw_response.create
        faults = [RuntimeError("Event loop is closed")]

        async def once_broken(**request: Any) -> Any:
            if faults:
                raise faults.pop()
            return await create(**request)

        monkeypatch.setattr(model.async_client.with_raw_response, "create", once_broken)
        assert (await model.ainvoke("hello")).text == "back"
    assert not faults


async def test_retries_are_not_printed(capsys: pytest.CaptureFixture[str]) -> None:
    before = stamina.instrumentation.get_on_retry_hooks()
    log_retries_with_logging()
    try:
        async with StubServer([fails(500), says("back")]) as server:
            await model_on(server).ainvoke("hello")
    finally:
        stamina.instrumentation.set_on_retry_hooks(before)
    assert capsys.readouterr().out == ""


async def test_a_silent_server_ends_in_a_time_out() -> None:
    async with StubServer(lambda _: hangs(30)) as server:
        model = model_on(server, timeout_s=1, max_attempts=2)
        with pytest.raises(ModelUnavailable, match="did not answer in time"):
            await asyncio.wait_for(model.ainvoke("hello"), PATIENCE_S)
    assert len(server.requests) == 2


async def test_total_time_is_limited_whatever_the_attempts() -> None:
    async with StubServer(lambda _: hangs(30)) as server:
        model = model_on(server, timeout_s=PATIENCE_S, total_s=2, max_attempts=10)
        with pytest.raises(ModelUnavailable, match="did not answer in time"):
            await asyncio.wait_for(model.ainvoke("hello"), PATIENCE_S)
    assert len(server.requests) == 1


async def test_a_server_that_is_gone_is_named() -> None:
    async with StubServer([]) as server:
        model = model_on(server)
    with pytest.raises(ModelUnavailable, match="cannot be reached"):
        await model.ainvoke("hello")


@pytest.mark.parametrize("how", ["abrupt", "quiet"])
async def test_a_stream_that_breaks_off_is_no_answer(how: Any) -> None:
    seen = [""]

    async def read(model: BaseChatModel) -> None:
        async for piece in model.astream("count"):
            seen[0] += piece.text

    async with StubServer([breaks_off("one two three four", how), says("never asked")]) as server:
        with pytest.raises(ModelUnavailable):
            await read(model_on(server))
    assert seen[0].startswith("one two")
    assert len(server.requests) == 1, "what was shown is not said again"


async def test_a_stream_that_fails_before_its_first_word_is_begun_again() -> None:
    async with StubServer([fails(500), says("one two")]) as server:
        said = [piece.text async for piece in model_on(server).astream("count")]
    assert "".join(said) == "one two"


async def test_cancelling_is_not_an_error_of_the_model() -> None:
    async with StubServer(lambda _: hangs(30)) as server:
        task = asyncio.create_task(model_on(server).ainvoke("hello"))
        await until(lambda: bool(server.requests))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


def test_a_missing_key_names_its_variable() -> None:
    with pytest.raises(ModelUnavailable, match="OPENAI_API_KEY or TWINTRACK_MODELS__API_KEY"):
        Models(ModelSettings.model_validate({"agent": "openai:gpt"})).chat("agent")


@pytest.mark.parametrize("spec", ["gpt-4", "nobody:gpt-4", "openai:", ":x"])
def test_a_spec_that_names_no_provider_names_its_setting(spec: str) -> None:
    settings = ModelSettings.model_validate({"judge": spec, "api_key": "k"})
    with pytest.raises(SettingsError, match="TWINTRACK_MODELS__JUDGE"):
        Models(settings).chat("judge")


def test_an_absent_package_is_named() -> None:
    settings = ModelSettings.model_validate({"judge": "groq:x", "api_key": "k"})
    with pytest.raises(SettingsError, match="pip install langchain-groq"):
        Models(settings).chat("judge")


async def test_roles_without_a_model_are_extractive() -> None:
    models = Models(ModelSettings.model_validate({}))
    await models.warm()
    assert models.chat("answerer") is None
    assert models.extractive
    assert set(models.describe().values()) == {"extractive"}


async def test_a_model_is_built_once_and_keeps_its_vendors_type() -> None:
    from langchain_openai import ChatOpenAI

    models = Models(ModelSettings.model_validate({"agent": "openai:x", "api_key": "k"}))
    await models.warm()
    model = models.chat("agent")
    assert model is models.chat("agent")
    assert isinstance(model, ChatOpenAI)
    assert model.lc_id() == ChatOpenAI.lc_id()
    assert models.describe()["agent"] == "openai:x"
    assert not models.extractive
