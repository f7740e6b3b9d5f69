"""Peers whom a person must approve are asked about before their turn, the first one too."""

from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from tests.unit.test_patterns import crew, finds, hands_to, planned, resources, row
from twintrack.core.context import Context
from twintrack.core.errors import SettingsError
from twintrack.graphs import team
from twintrack.graphs.agents import table
from twintrack.nodes.ask_first import Asking

AT: Any = {"configurable": {"thread_id": "t"}, "recursion_limit": 60}
APPROVE: dict[str, Any] = {"type": "approve"}
PEERS = crew(row("front", hands_to("back", "found the door")), row("back", finds))


def opened(saver: InMemorySaver, *approve: str) -> Any:
    made = resources(approve=frozenset(approve), asking=Asking())
    graph = team.build(made, [PEERS], planner=planned(("crew", "the house")))
    return graph.compile(checkpointer=saver)


async def run(graph: Any, given: Any) -> Any:
    return await graph.ainvoke(given, AT, context=Context())


def names(state: Any) -> list[str]:
    return [action["name"] for one in state["__interrupt__"] for action in one.value["action_requests"]]


async def asked(*approve: str) -> tuple[Any, InMemorySaver]:
    saver = InMemorySaver()
    return await run(opened(saver, *approve), {"messages": [HumanMessage("q")], "question": "q"}), saver


async def test_an_approved_peer_takes_its_turn_and_each_is_asked_about_once() -> None:
    state, saver = await asked("front", "back")
    assert names(state) == ["front"]
    state = await run(opened(saver, "front", "back"), Command(resume={"decisions": [APPROVE]}))
    assert names(state) == ["back"]
    done = await run(opened(saver, "front", "back"), Command(resume={"decisions": [APPROVE]}))
    assert done["draft"]["text"] == "found the door\nfound the house"


async def test_a_rejected_peer_does_nothing_and_what_was_found_before_it_is_kept() -> None:
    state, saver = await asked("back")
    assert names(state) == ["back"]
    done = await run(opened(saver, "back"), Command(resume={"decisions": [{"type": "reject"}]}))
    assert "found the door" in done["draft"]["text"]
    assert "found the house" not in done["draft"]["text"]
    assert "not approved" in done["steps"][0]["transcript"][-1]["text"]


async def test_a_peers_task_may_be_changed_and_settings_that_ask_less_by_now_let_nobody_go_unasked() -> None:
    _, saver = await asked("back")
    edit = {"type": "edit", "edited_action": {"name": "back", "args": {"task": "the shed"}}}
    done = await run(opened(saver), Command(resume={"decisions": [edit]}))
    assert done["draft"]["text"] == "found the door\nfound the shed"
    _, saver = await asked("back")
    done = await run(opened(saver), Command(resume={"decisions": [{"type": "reject"}]}))
    assert "found the house" not in done["draft"]["text"]


def test_settings_that_ask_about_somebody_who_is_not_there_are_an_error() -> None:
    with pytest.raises(SettingsError, match="TWINTRACK_TEAM__APPROVE: there is no agent 'bakc'"):
        table(resources(approve=frozenset({"bakc"}), agents=(PEERS,)))
