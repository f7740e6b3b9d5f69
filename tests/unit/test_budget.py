import asyncio
import gc
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain.agents import create_agent
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.tools import tool

from twintrack.core.context import Context
from twintrack.core.errors import BudgetExceeded
from twintrack.core.settings import BudgetSettings
from twintrack.guardrails.budget import Limits, SpendMeter
from twintrack.guardrails.meters import limits_for


class Scripted(GenericFakeChatModel):
    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self


def limits(**changed: Any) -> Limits:
    return Limits(**{"model_calls": 100, "tool_calls": 100, "tokens": 10_000, "seconds": 60.0, **changed})


def forever(*messages: AIMessage) -> Iterator[AIMessage]:
    while True:
        for message in messages:
            yield message.model_copy(update={"id": None})


def say(text: str = "yes", read: int = 3, written: int = 2) -> AIMessage:
    usage = {"input_tokens": read, "output_tokens": written, "total_tokens": read + written}
    return AIMessage(text, usage_metadata=usage)


@tool
async def echo(text: str) -> str:
    """Say it again."""
    return text


def call_echo() -> AIMessage:
    return AIMessage("", tool_calls=[{"name": "echo", "args": {"text": "a"}, "id": "1"}])


async def test_the_call_after_the_last_allowed_one_is_refused() -> None:
    meter = SpendMeter(limits(model_calls=2))
    model = Scripted(messages=forever(say()))
    for _ in range(2):
        await model.ainvoke("hello", {"callbacks": [meter]})
    with pytest.raises(BudgetExceeded, match="2 model calls"):
        await model.ainvoke("hello", {"callbacks": [meter]})
    assert meter.usage()["model_calls"] == 2


async def test_a_streamed_call_is_refused_as_well() -> None:
    meter = SpendMeter(limits(model_calls=0))
    with pytest.raises(BudgetExceeded):
        async for _ in Scripted(messages=forever(say())).astream("hello", {"callbacks": [meter]}):
            pass


async def test_sixteen_parallel_calls_never_pass_the_limit() -> None:
    meter = SpendMeter(limits(model_calls=5))
    model = Scripted(messages=forever(say()))
    calls = [model.ainvoke("hello", {"callbacks": [meter]}) for _ in range(16)]
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(result, BaseMessage) for result in results) == 5
    assert sum(isinstance(result, BudgetExceeded) for result in results) == 11


async def test_an_agent_that_loops_is_stopped_by_the_model_limit() -> None:
    meter = SpendMeter(limits(model_calls=4))
    agent = create_agent(Scripted(messages=forever(call_echo())), [echo])
    with pytest.raises(BudgetExceeded):
        await agent.ainvoke({"messages": [HumanMessage("go")]}, {"callbacks": [meter]})
    assert meter.usage()["model_calls"] == 4
    assert meter.usage()["tool_calls"] == 4


async def test_an_agent_that_loops_is_stopped_by_the_tool_limit() -> None:
    meter = SpendMeter(limits(tool_calls=3))
    agent = create_agent(Scripted(messages=forever(call_echo())), [echo])
    with pytest.raises(BudgetExceeded, match="3 tool calls"):
        await agent.ainvoke({"messages": [HumanMessage("go")]}, {"callbacks": [meter]})
    assert meter.usage()["tool_calls"] == 3


async def test_tokens_are_added_up_and_limited() -> None:
    meter = SpendMeter(limits(tokens=10))
    model = Scripted(messages=forever(say(read=7, written=4)))
    await model.ainvoke("hello", {"callbacks": [meter]})
    assert (meter.usage()["input_tokens"], meter.usage()["output_tokens"]) == (7, 4)
    with pytest.raises(BudgetExceeded, match="10 tokens"):
        await model.ainvoke("hello", {"callbacks": [meter]})


async def test_a_run_that_lasts_too_long_is_refused_its_next_call() -> None:
    now = 100.0
    meter = SpendMeter(limits(seconds=5), clock=lambda: now)
    meter.take("model_calls")
    now = 105.0
    with pytest.raises(BudgetExceeded, match="5 seconds"):
        meter.take("tool_calls")
    assert meter.usage()["seconds"] == 5.0


class Silent(BaseCallbackHandler):
    run_inline = True

    def on_chat_model_start(self, *args: Any, **kwargs: Any) -> None:
        self.seen = True


async def test_a_refusal_leaves_no_other_handler_waiting() -> None:
    after = Silent()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(BudgetExceeded):
            await Scripted(messages=forever(say())).ainvoke(
                "hello", {"callbacks": [SpendMeter(limits(model_calls=0)), after]}
            )
        gc.collect()
    assert after.seen


def test_a_caller_may_lower_a_limit_but_never_raise_it() -> None:
    budgets = BudgetSettings(max_model_calls=10, max_seconds=20)
    assert limits_for(budgets, None).model_calls == 10
    lowered = limits_for(budgets, Context(max_model_calls=3, max_seconds=4))
    assert (lowered.model_calls, lowered.seconds) == (3, 4)
    raised = limits_for(budgets, Context(max_model_calls=99, max_seconds=99))
    assert (raised.model_calls, raised.seconds) == (10, 20)


@given(st.integers(0, 20), st.lists(st.sampled_from(["model_calls", "tool_calls"]), max_size=60))
def test_no_order_of_calls_passes_a_limit(allowed: int, calls: list[str]) -> None:
    meter = SpendMeter(limits(model_calls=allowed, tool_calls=allowed))
    refused = 0
    for call in calls:
        try:
            meter.take(call)
        except BudgetExceeded:
            refused += 1
    usage = meter.usage()
    assert max(usage["model_calls"], usage["tool_calls"]) <= allowed
    assert usage["model_calls"] + usage["tool_calls"] + refused == len(calls)
