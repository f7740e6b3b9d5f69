"""No request reaches a model uncounted: retries and the models of a chain spend like any other call."""

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
import stamina

from tests.contract.conftest import WHO, Opener
from tests.stubbed_models import COMPLEX, SIMPLE, Part, Request, acted, composed, planned, stubbed
from twintrack.app.assemble import App
from twintrack.app.testing import Reply, calls, fails, says

AGENTS = 16


@pytest.fixture(autouse=True)
def no_waits() -> Iterator[None]:
    stamina.set_testing(True, attempts=3, cap=True)
    yield
    stamina.set_testing(False)


def stumbling(part: Part, every: int) -> Part:
    """Fail at all calls but each `every`th."""
    number = itertools.count(1)
    return lambda request: part(request) if next(number) % every == 0 else fails(503)


async def told(app: App, question: str) -> Any:
    return await app.ask(question, user_id=WHO.user_id)


@pytest.mark.parametrize("every", [1, 2, 3])
@pytest.mark.parametrize("most", [2, 4, 7, 25])
@pytest.mark.parametrize("question", [SIMPLE, COMPLEX])
async def test_a_turn_makes_no_more_requests_than_it_may_and_answers(
    opener: Opener, every: int, most: int, question: str
) -> None:
    parts = {"answerer": composed, "planner": planned, "agent": acted}
    failing: Any = {name: stumbling(part, every) for name, part in parts.items()}
    async with stubbed(opener, {"budgets": {"max_model_calls": most}}, **failing) as (app, stub):
        answer = await told(app, question)
        assert answer.usage.model_calls == len(stub.server.requests) <= most
    assert answer.status == "answered"


async def test_the_models_of_a_chain_are_each_counted(opener: Opener) -> None:
    chain = {"models": {"answerer": "openai:spare,openai:answerer", "max_attempts": 2}}
    async with stubbed(opener, chain, spare=lambda _: fails(503)) as (app, stub):
        answer = await told(app, SIMPLE)
        assert [request["model"] for request in stub.server.requests] == ["spare", "spare", "answerer"]
        assert answer.usage.model_calls == 3
    assert answer.usage.input_tokens > 2 * stub_tokens(stub.asked("answerer")[0])


def stub_tokens(request: Request) -> int:
    return sum(len(str(message["content"]).split()) for message in request["messages"]) // 2


async def test_a_model_that_rests_is_not_counted_as_read(opener: Opener) -> None:
    tired = {"models": {"breaker_failures": 1}}
    async with stubbed(opener, tired, answerer=lambda _: fails(503)) as (app, stub):
        await told(app, SIMPLE)
        asked = len(stub.server.requests)
        answer = await told(app, SIMPLE)
        assert len(stub.server.requests) == asked
    assert answer.usage.input_tokens == 0


def crowd(_: Request) -> Reply:
    steps = [
        {"id": str(number), "agent": "calculator", "task": f"Compute {number} + {number}", "depends_on": []}
        for number in range(AGENTS)
    ]
    return calls(("Plan", {"steps": steps})) if "tools" in _ else says(json.dumps({"steps": steps}))


@pytest.mark.parametrize("limit", [{"max_tokens": 400}, {"max_tokens": 1500}, {"max_cost": 0.002}])
async def test_sixteen_agents_at_once_pass_a_limit_by_no_more_than_a_call_each(
    opener: Opener, limit: dict[str, Any]
) -> None:
    prices = {name: {"read": 1, "written": 1} for name in ("router", "answerer", "planner", "agent")}
    budgets = {"max_plan_steps": AGENTS, "max_model_calls": 500, "prices": prices, **limit}
    async with stubbed(opener, {"budgets": budgets}, planner=crowd) as (app, stub):
        answer = await told(app, COMPLEX)
        largest = 300
        assert stub.asked("agent")
    spent = answer.usage.input_tokens + answer.usage.output_tokens
    most = limit.get("max_tokens") or limit["max_cost"] * 1_000_000
    assert spent < most + AGENTS * largest
    assert answer.status == "answered"
    assert "This run reached its limit" in answer.reason
