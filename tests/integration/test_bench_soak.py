"""Conversations that go on side by side leave the process no bigger than they found it."""

import json
from pathlib import Path

import pytest

from tests.commands import run_process


@pytest.mark.slow
def test_twelve_conversations_of_ten_turns_leave_memory_as_it_was(clean: str, tmp_path: Path) -> None:
    done = run_process(tmp_path, clean, "bench", "soak", "--people", "12", "--json")
    figures = json.loads(done.stdout)
    assert (done.returncode, figures["turns"]) == (0, 120)
    assert figures["answered"] >= 104, "only turns that tell a name may go without an answer"
    assert figures["growth"] <= 0.05
