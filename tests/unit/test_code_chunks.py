"""Code is cut between its functions, and every passage stands where it says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twintrack.core.chunks import chunks
from twintrack.core.code_chunks import passages_of

BODY = "    total = 0\n\n    for number in range(10):\n        total += number\n    return total\n"
PYTHON = "".join(f"def task_{name}():\n{BODY}\n" for name in ("one", "two", "three", "four"))


def test_a_function_is_not_torn_apart() -> None:
    found = passages_of(PYTHON, "tasks.py", size=150, overlap=0)
    assert [span.text.startswith("def task_") for span in found] == [True] * 4
    assert all(span.text.endswith("return total") for span in found)


def test_prose_is_cut_by_sentences() -> None:
    text = "One is here. " * 40
    assert passages_of(text, "notes.md", size=100, overlap=0) == chunks(text, size=100, overlap=0)


@pytest.mark.parametrize("source", ["a.py", "a.go", "a.ts", "a.rs", "a.java", "a.tex"])
@given(text=st.text(alphabet="def class()\n {};x=1a \t", max_size=400))
def test_every_passage_stands_where_it_says_and_nothing_is_lost(source: str, text: str) -> None:
    found = passages_of(text, source, size=40, overlap=0)
    assert all(text[span.start : span.end] == span.text and len(span.text) <= 40 for span in found)
    assert "".join("".join(span.text.split()) for span in found) == "".join(text.split())
