"""The rows that docs/patterns.md shows are rows: each makes a team that can be compiled."""

import re
from pathlib import Path

import pytest

from tests.unit.test_patterns import resources
from twintrack.graphs import team
from twintrack.graphs.agent_row import AgentSpec

PAGE = Path(__file__).parents[2] / "docs" / "patterns.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS)
async def test_each_row_on_the_page_makes_a_team(block: str) -> None:
    row = eval(block, {"AgentSpec": AgentSpec})  # the page is ours
    assert team.build(resources(), [row]).compile().name


def test_the_page_shows_peers_and_teams() -> None:
    assert len(BLOCKS) == 2
