"""A step that hangs breaks at its time limit, and the turn goes on or ends labelled."""

import asyncio
from functools import partial
from typing import Any

import pytest

from tests import virtual_time
from twintrack.core.breaker import LocalBreaker
from twintrack.core.errors import Unavailable
from twintrack.core.models import Models
from twintrack.core.settings import ModelSettings
from twintrack.graphs.timed import Node, timed


async def waits(state: dict[str, Any], *, seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "done"


def run(step: Node) -> Any:
    async def once() -> Any:
        return await step({})

    return virtual_time.run(once())


def test_a_step_ends_at_its_time_limit_and_not_before() -> None:
    assert run(timed("step", partial(waits, seconds=4.0), 5.0)) == "done"
    with pytest.raises(Unavailable, match="step took longer than 5 seconds"):
        run(timed("step", partial(waits, seconds=6.0), 5.0))


def test_a_steps_own_time_out_is_its_own() -> None:
    async def times_out(_: Any) -> None:
        raise TimeoutError("mine")

    with pytest.raises(TimeoutError, match="mine"):
        run(timed("step", times_out, 5.0))


def test_models_take_the_breaker_that_they_are_given() -> None:
    made: dict[str, LocalBreaker] = {}

    def breakers(spec: str) -> LocalBreaker:
        return made.setdefault(spec, LocalBreaker())

    settings = ModelSettings(agent="openai:a", planner="openai:a", answerer="openai:b", base_url="http://localhost:1")
    models = Models(settings, breakers=breakers)
    for role in ("agent", "planner", "answerer"):
        models.chat(role)
    assert made.keys() == {"openai:a", "openai:b"}
