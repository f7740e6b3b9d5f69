"""What docs/patterns.md shows works: its peers hand over, and its statements hold."""

import re
import textwrap
from pathlib import Path
from typing import Any

import pytest

from tests.unit.test_patterns import asked, planned, resources, sells_and_mends
from twintrack.app.testing import ScriptedChatModel
from twintrack.core.redis_client import RedisSource
from twintrack.graphs.agent_row import AgentSpec

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "patterns.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
ROWS = [block for block in BLOCKS if block.startswith("AgentSpec(")]
STATEMENTS = [block for block in BLOCKS if block not in ROWS]


async def test_the_peers_on_the_page_hand_over_to_each_other() -> None:
    (block,) = ROWS
    row = eval(block, {"AgentSpec": AgentSpec})  # the page is ours
    made = resources({"agent": ScriptedChatModel(script=sells_and_mends)})
    state = await asked(made, [row], planned(("desk", "My lamp is broken")))
    await made.sandbox.aclose()
    assert state["draft"]["text"] == "The lamp needs 5 screws."
    assert [line["role"] for line in state["steps"][0]["transcript"]] == ["sales", "repair"]


@pytest.mark.parametrize("block", STATEMENTS)
async def test_what_the_page_asserts_holds(
    block: str, redis_url: str, source: RedisSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("TWINTRACK_REDIS__URL", redis_url)
    names: dict[str, Any] = {}
    exec(f"async def example():\n{textwrap.indent(block, '    ')}", names)
    await names["example"]()


def test_each_pattern_on_the_page_has_an_example() -> None:
    patterns = re.findall(r"^## \d .*?(?=^## )", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert [part.count("```python") for part in patterns] == [1, 1, 1, 1]
