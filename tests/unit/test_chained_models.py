"""Models that rest after failing too often, and chains in which another one takes over."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
import stamina
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.language_models import BaseChatModel
from pydantic import BaseModel

from twintrack.app.testing import Reply, StubServer, breaks_off, calls, fails, says
from twintrack.core.breaker import LocalBreaker
from twintrack.core.errors import ModelUnavailable
from twintrack.core.models import Models
from twintrack.core.prices import Price
from twintrack.core.settings import ModelSettings
from twintrack.guardrails.accounts import Limits
from twintrack.guardrails.budget import SpendMeter


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with stamina.set_testing(True, attempts=10, cap=True):
        yield


class City(BaseModel):
    """A city."""

    name: str


def two(**replies: Reply) -> StubServer:
    return StubServer(lambda request: replies[request["model"]])


def models(server: StubServer, spec: str = "openai:first, openai:second", **settings: Any) -> Models:
    given = {"agent": spec, "judge": spec, "base_url": server.base_url, "max_attempts": 1, **settings}
    return Models(ModelSettings.model_validate(given))


def chat(server: StubServer, spec: str = "openai:first, openai:second", **settings: Any) -> BaseChatModel:
    model = models(server, spec, **settings).chat("agent")
    assert model is not None
    return model


async def test_the_first_model_that_works_answers_and_the_answer_says_so() -> None:
    async with two(first=fails(503), second=says("here")) as server:
        answer = await chat(server).ainvoke("hello")
    assert answer.text == "here"
    assert answer.response_metadata["answered_by"] == "openai:second"
    assert "openai:first failed on its side" in answer.response_metadata["instead_of"]


async def test_the_preferred_model_answers_while_it_works() -> None:
    async with two(first=says("me"), second=says("here")) as server:
        answer = await chat(server).ainvoke("hello")
    assert (answer.text, answer.response_metadata["answered_by"]) == ("me", "openai:first")
    assert "instead_of" not in answer.response_metadata


async def test_a_stream_passes_on_before_its_first_word_and_never_after() -> None:
    async with two(first=fails(503), second=says("one two")) as server:
        pieces = [piece async for piece in chat(server).astream("count")]
    assert "".join(piece.text for piece in pieces) == "one two"
    async with two(first=breaks_off("one two three"), second=says("other")) as server:
        heard = chat(server).astream("count")
        assert (await anext(heard)).text in ("", "one")
        with pytest.raises(ModelUnavailable, match="openai:first"):
            _ = [piece async for piece in heard]
    assert {request["model"] for request in server.requests} == {"first"}


async def test_tools_and_typed_answers_pass_on_too() -> None:
    async with two(first=fails(500), second=calls(("City", {"name": "Paris"}))) as server:
        answer = await chat(server).with_structured_output(City).ainvoke("which?")
    assert answer == City(name="Paris")
    assert [request["tools"][0]["function"]["name"] for request in server.requests] == ["City", "City"]


async def test_where_none_works_each_says_why() -> None:
    async with two(first=fails(503), second=fails(401)) as server:
        with pytest.raises(ModelUnavailable, match=r"first failed on its side.*key for openai:second was refused"):
            await chat(server).ainvoke("hello")


async def test_each_model_of_a_chain_is_a_call_at_its_own_price() -> None:
    prices = {"openai:first": Price(read=1e6, written=1e6), "openai:second": Price(read=1, written=1)}
    meter = SpendMeter(Limits(), prices=prices)
    async with two(first=fails(503), second=says("here")) as server:
        await chat(server).ainvoke("hello", {"callbacks": [meter]})
    assert meter.usage()["model_calls"] == len(server.requests)
    # The first read one token of "hello" before it failed, at a price of one each time; the second is cheap.
    assert 0 < meter.usage()["cost"] - (len(server.requests) - 1) < 0.01
    assert meter.account.guessed_cost == 0
    assert "openai:second took over: openai:first failed" in meter.labels()[0]


async def test_a_model_that_keeps_failing_is_not_asked_until_it_has_rested() -> None:
    async with two(first=fails(503)) as server:
        made = models(server, "openai:first", breaker_failures=2)
        for _ in range(2):
            with pytest.raises(ModelUnavailable, match="failed on its side"):
                await made.chat("agent").ainvoke("hello")  # type: ignore[union-attr] # it is set
        with pytest.raises(ModelUnavailable, match="failed too often"):
            await made.chat("judge").ainvoke("hello")  # type: ignore[union-attr] # it is set
    assert len(server.requests) == 2


async def test_refusals_do_not_open_the_breaker() -> None:
    async with two(first=fails(401)) as server:
        model = chat(server, "openai:first", breaker_failures=1)
        for _ in range(3):
            with pytest.raises(ModelUnavailable, match="was refused"):
                await model.ainvoke("hello")
    assert len(server.requests) == 3


async def test_a_resting_model_costs_a_chain_nothing() -> None:
    async with two(first=fails(503), second=says("here")) as server:
        model = chat(server, breaker_failures=1)
        await asyncio.gather(*(model.ainvoke("hello") for _ in range(4)))
        await model.ainvoke("hello")
    asked = [request["model"] for request in server.requests]
    assert asked.count("second") == 5
    assert asked[-1] == "second"
    assert asked.count("first") <= 4


def test_after_its_rest_one_call_tries_and_the_others_wait() -> None:
    now = 0.0
    breaker = LocalBreaker(2, 10, clock=lambda: now)
    breaker.failed()
    breaker.failed()
    assert (breaker.state, breaker.rests_for()) == ("open", 10)
    now = 10.0
    assert breaker.state == "half-open"
    assert [breaker.rests_for() for _ in range(3)] == [0, 10, 10]
    breaker.succeeded()
    assert (breaker.state, breaker.rests_for()) == ("closed", 0)


@given(st.integers(1, 5), st.lists(st.booleans(), max_size=50))
def test_a_breaker_is_open_exactly_after_so_many_failures_in_a_row(failures: int, came: list[bool]) -> None:
    breaker = LocalBreaker(failures, 10, clock=lambda: 0.0)
    in_a_row = 0
    for worked in came:
        if worked:
            breaker.succeeded()
        else:
            breaker.failed()
        in_a_row = 0 if worked else in_a_row + 1
        assert (breaker.rests_for() > 0) == (in_a_row >= failures)
