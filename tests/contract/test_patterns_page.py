"""What docs/patterns.md shows works: its rows make teams that can be compiled, and its statements hold."""

import re
import textwrap
from pathlib import Path
from typing import Any

import pytest

from tests.unit.test_patterns import resources
from twintrack.core.redis_client import RedisSource
from twintrack.graphs import team
from twintrack.graphs.agent_row import AgentSpec

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "patterns.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
ROWS = [block for block in BLOCKS if block.startswith("AgentSpec(")]
STATEMENTS = [block for block in BLOCKS if block not in ROWS]


@pytest.mark.parametrize("block", ROWS)
async def test_each_row_on_the_page_makes_a_team(block: str) -> None:
    row = eval(block, {"AgentSpec": AgentSpec})  # the page is ours
    assert team.build(resources(), [row]).compile().name


@pytest.mark.parametrize("block", STATEMENTS)
async def test_what_the_page_asserts_holds(
    block: str, redis_url: str, source: RedisSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("TWINTRACK_REDIS__URL", redis_url)
    names: dict[str, Any] = {}
    exec(f"async def example():\n{textwrap.indent(block, '    ')}", names)
    await names["example"]()


def test_the_page_shows_peers_teams_and_the_hybrid() -> None:
    assert (len(ROWS), len(STATEMENTS)) == (2, 1)
