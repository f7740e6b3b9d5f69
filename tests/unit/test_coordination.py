"""What coordinating a team takes is counted whole: inside teams, in its last step, and who gave tasks to whom."""

import asyncio
from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig

from tests.unit.test_patterns import asked, crew, finds, hands_to, planned, resources, row
from twintrack.app.testing import ScriptedChatModel
from twintrack.graphs.agent_row import AgentSpec
from twintrack.graphs.outcome import coordinated
from twintrack.guardrails.accounts import Limits
from twintrack.guardrails.budget import SpendMeter
from twintrack.guardrails.run_meter import meter_of
from twintrack.nodes.effort import TooMuch, coordination, counting
from twintrack.nodes.state import Effort, TeamState

KEYS = ["coordination", "steps"]


def usage(tokens: int) -> Any:
    return {"input_tokens": tokens, "output_tokens": 0, "total_tokens": tokens}


async def test_what_an_inner_teams_planner_spends_is_coordination_outside_too() -> None:
    steps = [{"id": "1", "agent": "clerk", "task": "look", "depends_on": []}]
    plan = AIMessage("", tool_calls=[{"name": "Plan", "args": {"steps": steps}, "id": "p"}], usage_metadata=usage(70))
    made = resources({"planner": ScriptedChatModel(script=lambda _: plan)})
    team = AgentSpec(name="archive", purpose="Keeps.", members=(row("clerk", finds),))
    state = await asked(made, [team], planned(("archive", "the deed")), keys=KEYS)
    took = state["coordination"]
    assert took["by_step"]["within"]["tokens"] == 70
    assert took["by_step"]["within"]["messages"] > 0
    assert took["tokens"] == 1.0
    assert took["between"] == {"team>archive": 1, "archive>clerk": 1}


async def test_hand_overs_are_told_by_who_gave_what_to_whom() -> None:
    peers = crew(row("front", hands_to("back", "found the door")), row("back", finds))
    state = await asked(resources(), [peers, row("east", finds)], planned(("crew", "a"), ("east", "b")), keys=KEYS)
    assert state["coordination"]["between"] == {
        "team>crew": 1,
        "crew>front": 1,
        "front>back": 1,
        "team>east": 1,
    }


async def test_the_last_step_counts_what_its_judge_spends() -> None:
    meter = SpendMeter(Limits())
    config: RunnableConfig = {"callbacks": [meter]}

    async def verify(state: TeamState, runtime: Any) -> dict[str, Any]:
        await asyncio.sleep(0.01)
        assert meter_of(config) is meter
        meter.account.settle(30, 12, 0.0)
        return {"draft": None}

    update = await counting(verify, TooMuch())(TeamState(messages=[], question="q"), None, config)
    checked = update["coordination"]["by_step"]["verify"]
    assert (checked["tokens"], checked["seconds"] >= 0.01) == (42, True)


def worked(tokens: int) -> Any:
    return {"step_id": "1", "agent": "a", "status": "done", "seconds": 10.0, "tokens": tokens, "messages": 2}


def test_too_large_a_share_of_tokens_is_said_too() -> None:
    planned_for = Effort(step="plan", seconds=0.1, tokens=9000, messages=2)
    state = TeamState(messages=[], question="q", effort=[planned_for], steps=[worked(1000)])
    assert coordination(state, [], TooMuch(tokens=0.8))["high"]
    assert not coordination(state, [], TooMuch(tokens=0.95))["high"]
    assert not coordination(state, [], TooMuch(tokens=0.8, unnoticed_tokens=10_000))["high"]


def test_the_trace_has_the_figures() -> None:
    took = coordination(TeamState(messages=[], question="q", steps=[worked(10)]), [], TooMuch())
    assert coordinated(took) == {
        "coordination_seconds": "0%",
        "coordination_tokens": "0%",
        "coordination_messages": "0%",
        "coordination_high": "",
        "tasks_between": "team>a 1",
    }
    assert coordinated(None) == {}
