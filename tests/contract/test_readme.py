"""The code of the README, pasted into a file as it stands, does what it says."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import environment
from tests.waiting import PATIENCE_S

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.usefixtures("source")
@pytest.mark.parametrize("block", BLOCKS)
def test_a_pasted_example_answers_out_of_the_docs(block: str, redis_url: str, tmp_path: Path) -> None:
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    (tmp_path / "pasted.py").write_text(block)
    command = [sys.executable, "pasted.py"]
    variables = environment(redis_url, {})
    done = subprocess.run(
        command, cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "[1]" in done.stdout


def test_there_is_one_to_paste() -> None:
    assert len(BLOCKS) == 1
