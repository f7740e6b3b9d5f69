"""`twintrack bench team`: every side does the work that is measured."""

from typing import Any

import pytest

from tests import virtual_time
from twintrack.bench.team import STEPS, four_slow_agents, look_up, measure, present_peers, scripted_worker
from twintrack.bench.team_peers import Work
from twintrack.bench.team_processes import spread


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:create_react_agent has been moved")
async def test_each_side_does_all_look_ups() -> None:
    pytest.importorskip("langgraph_supervisor")
    pytest.importorskip("deepagents")
    figures = await measure(1, 1, [1, 3])
    assert figures["ratio"].keys() == {"create_agent", "langgraph-supervisor", "deepagents"}
    assert figures["coordination"].keys() == {"supervisor", "peers", "hierarchical"}
    assert all(value > 0 for value in figures["ratio"].values())
    assert "install" not in figures


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:create_react_agent has been moved")
async def test_processes_do_their_work_at_one_time() -> None:
    figures = await spread([2], runs=1)
    assert figures["ours"]["2"] > 0


def test_four_agents_of_one_second_take_one_second_together() -> None:
    assert virtual_time.run(four_slow_agents()) == pytest.approx(1.0, abs=0.01)


def test_a_peer_that_is_not_installed_is_named_and_the_others_are_measured() -> None:
    def absent(_: Work) -> Any:
        raise ImportError("no such package")

    def present(_: Work) -> Any:
        return lambda: None

    work = Work(steps=STEPS, tool=look_up(), model=scripted_worker)
    found, missing = present_peers(work, {"here": present, "not-here": absent})
    assert ([*found], missing) == (["here"], ["not-here"])
