"""The code of the README does what it says."""

import re
import textwrap
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


async def test_the_first_lines_to_embed_answer_a_question(
    redis_url: str, source: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("TWINTRACK_REDIS__URL", redis_url)
    block = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert block
    names: dict[str, Any] = {}
    body = textwrap.indent(block[1] + "\nreturn answer", "    ")
    exec(f"async def embed():\n{body}", names)
    answer = await names["embed"]()
    assert answer.status == "answered"
    assert answer.citations
