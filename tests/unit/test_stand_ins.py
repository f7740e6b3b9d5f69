"""An agent that fails is stood in for once, by its rules or by another row, and the answer says so."""

import dataclasses
from typing import Any

import pytest

from tests.unit.test_patterns import asked, fails, finds, planned, resources, row
from twintrack.app.testing import ScriptedChatModel
from twintrack.core.errors import BudgetExceeded, ModelUnavailable, SettingsError
from twintrack.graphs.agent_row import AgentSpec
from twintrack.nodes.work import Finding

KEYS = ["steps", "draft", "failure", "degraded"]
DOWN = ScriptedChatModel(script=lambda _: ModelUnavailable("The model is down."))


async def works(made: Any, rows: list[AgentSpec], *steps: tuple[str, str]) -> Any:
    return await asked(made, rows, planned(*steps), keys=KEYS)


async def test_an_agent_whose_model_is_down_works_by_rules_and_it_is_said() -> None:
    state = await works(resources({"agent": DOWN}), [row("east", finds)], ("east", "the mill"))
    assert state["draft"]["text"] == "found the mill"
    assert state["degraded"] == "east was stood in for by rules: The model is down."
    assert state["steps"][0]["status"] == "done"


async def test_without_a_stand_in_it_fails() -> None:
    spec = dataclasses.replace(row("east", finds), fallback="")
    state = await works(resources({"agent": DOWN}), [spec], ("east", "the mill"))
    assert state["draft"] is None
    assert "The model is down." in state["failure"]


async def test_another_row_stands_in_once_and_not_for_ever() -> None:
    tried: list[str] = []

    def failing(name: str) -> Any:
        async def does(task: str) -> Finding:
            tried.append(name)
            raise ValueError(task)

        return does

    rows = [row("east", failing("east"), fallback="west"), row("west", failing("west"), fallback="east")]
    state = await works(resources(), rows, ("east", "the mill"))
    assert tried == ["east", "west"]
    assert "west in its place: It broke (ValueError)." in state["failure"]


async def test_another_row_that_can_does_the_work() -> None:
    rows = [row("east", fails, fallback="west"), row("west", finds)]
    state = await works(resources(), rows, ("east", "the mill"))
    assert state["draft"]["text"] == "found the mill"
    assert "east was stood in for by west: no model today" in state["degraded"]


async def test_nobody_stands_in_for_one_that_has_spent_what_it_may() -> None:
    async def spends(task: str) -> Finding:
        raise BudgetExceeded("east reached its limit of 3 tokens.")

    rows = [row("east", spends, fallback="west"), row("west", finds)]
    state = await works(resources(), rows, ("east", "the mill"))
    assert "its limit of 3 tokens" in state["failure"]


async def test_what_stood_in_inside_a_team_is_told_outside() -> None:
    broken = row("clerk", fails, fallback="porter")
    crew = AgentSpec(name="crew", purpose="Works.", members=(broken, row("porter", finds)), pattern="peers")
    state = await works(resources(), [crew], ("crew", "the deed"))
    assert "clerk was stood in for by porter" in state["degraded"]


async def test_a_stand_in_who_is_not_in_the_table_is_an_error() -> None:
    with pytest.raises(SettingsError, match="nobody called 'west'"):
        await works(resources(), [row("east", fails, fallback="west")], ("east", "x"))
