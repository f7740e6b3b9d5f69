"""Limits on money, on each agent and team, and on depth; and how far parallel calls can pass them."""

import asyncio
from contextlib import ExitStack
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, LLMResult

from tests.examples import examples
from twintrack.core.errors import BudgetExceeded
from twintrack.core.prices import Price
from twintrack.guardrails.accounts import Limits, task_of
from twintrack.guardrails.budget import SpendMeter

PRICES = {"openai:dear": Price(read=1_000_000, written=1_000_000), "cheap": Price(read=1, written=2)}
SPENT = {"input_tokens": 300, "output_tokens": 100, "total_tokens": 400}


async def begin(meter: SpendMeter, model: str = "dear", text: str = "hi") -> UUID:
    run_id = uuid4()
    metadata = {"ls_provider": "openai", "ls_model_name": model}
    await meter.on_chat_model_start({}, [[HumanMessage(text)]], run_id=run_id, metadata=metadata)
    return run_id


async def end(meter: SpendMeter, run_id: UUID, usage: Any = None) -> None:
    message = AIMessage("yes", usage_metadata=usage or SPENT)
    await meter.on_llm_end(LLMResult(generations=[[ChatGeneration(message=message)]]), run_id=run_id)


async def test_money_is_counted_where_a_price_is_known_and_said_where_it_is_not() -> None:
    meter = SpendMeter(Limits(), prices=PRICES)
    for model in ("dear", "cheap", "free"):
        await end(meter, await begin(meter, model))
    assert meter.usage()["cost"] == 400.0005
    assert meter.usage()["unpriced"] == ["openai:free"]


async def test_a_run_out_of_money_is_refused_its_next_call() -> None:
    meter = SpendMeter(Limits(cost=400), prices=PRICES)
    await end(meter, await begin(meter))
    with pytest.raises(BudgetExceeded, match="400 of money"):
        await begin(meter)
    assert "400 of money" in meter.stopped


async def test_no_limit_of_money_holds_for_a_model_without_a_price() -> None:
    meter = SpendMeter(Limits(cost=0.001), prices=PRICES)
    for _ in range(3):
        await end(meter, await begin(meter, "free"))
    assert meter.usage()["cost"] == 0
    assert not meter.stopped


async def test_a_failed_call_gives_its_guess_back() -> None:
    meter = SpendMeter(Limits(tokens=500))
    for _ in range(5):
        await meter.on_llm_error(ValueError(), run_id=await begin(meter))
    assert meter.usage()["model_calls"] == 5
    assert meter.account.guessed == 0


async def test_an_agent_stops_at_its_own_limit_and_the_run_goes_on() -> None:
    meter = SpendMeter(Limits(tokens=10_000))
    with task_of(meter.account, "greedy", Limits(tokens=400), max_depth=3):
        await end(meter, await begin(meter))
        with pytest.raises(BudgetExceeded, match="greedy reached its limit of 400 tokens"):
            await begin(meter)
    await end(meter, await begin(meter))
    assert meter.usage()["input_tokens"] == 600


async def test_what_members_spend_is_spent_by_their_team() -> None:
    meter = SpendMeter(Limits())
    with task_of(meter.account, "team", Limits(tokens=700), max_depth=3) as team:
        for _ in range(2):
            with task_of(meter.account, "member", Limits(tokens=500), max_depth=3):
                await end(meter, await begin(meter))
        with (
            pytest.raises(BudgetExceeded, match="team reached"),
            task_of(meter.account, "third", Limits(), max_depth=3),
        ):
            pass
    assert team.read + team.written == 800


async def test_teams_within_teams_end_at_the_depth_that_is_allowed() -> None:
    meter = SpendMeter(Limits())
    with ExitStack() as stack:
        for name in ("outer", "inner"):
            stack.enter_context(task_of(meter.account, name, Limits(), max_depth=2))
        with pytest.raises(BudgetExceeded, match="third would be 3 teams deep"):
            stack.enter_context(task_of(meter.account, "third", Limits(), max_depth=2))


@examples(60)
@given(st.integers(1, 5000), st.integers(1, 16), st.lists(st.integers(1, 900), min_size=1, max_size=60))
async def test_parallel_agents_pass_a_limit_by_no_more_than_a_call_each(
    limit: int, agents: int, sizes: list[int]
) -> None:
    meter = SpendMeter(Limits(tokens=limit))
    todo = list(sizes)

    async def agent() -> None:
        while todo:
            size = todo.pop()
            try:
                run_id = await begin(meter)
            except BudgetExceeded:
                return
            await asyncio.sleep(0)
            await end(meter, run_id, {"input_tokens": size, "output_tokens": 0, "total_tokens": size})

    await asyncio.gather(*(agent() for _ in range(agents)))
    spent = meter.usage()["input_tokens"]
    assert spent < limit + agents * max(sizes)
    assert spent == sum(sizes) or meter.stopped
    assert meter.account.guessed == 0
