"""A trace drawn for people."""

from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from twintrack.app.traces import choose, print_trace, summary, trace_table
from twintrack.core.errors import InputError
from twintrack.core.trace_tree import tree_lines
from twintrack.core.traces import Trace, TraceSpan


def span(id: str, parent: str | None, start: float, **more: Any) -> TraceSpan:
    return TraceSpan(**{"id": id, "parent": parent, "name": id, "type": "chain", "start": start, "end": 9.0, **more})


TRACE = Trace(
    id="abc1",
    thread_id="线程",
    spans=[
        span("model", "team", 3, type="generation", model="gpt", usage={"total": 12, "input": 10}, end=3.25),
        span("turn", "elsewhere", 1, type="agent", labels={"status": "answered", "route": "team"}),
        span("hidden", "turn", 2, level="DEBUG"),
        span("team", "turn", 2),
        span("search", "turn", 4, type="tool", level="ERROR", message="no\nanswer"),
        span("stopped", "turn", 5, level="ERROR"),
    ],
)


def test_a_tree_shows_order_time_route_tokens_and_errors() -> None:
    assert list(tree_lines(TRACE)) == [
        "turn  8.00 s  answered  route team",
        "├─ team  7.00 s",
        "│  └─ model  250 ms  12 tokens (gpt)",
        "├─ search  5.00 s  failed: no answer",
        "└─ stopped  4.00 s  failed: cancelled or timed out",
    ]


@pytest.mark.parametrize("terminal", [True, False])
def test_both_drawings_name_every_visible_step(terminal: bool) -> None:
    console = Console(force_terminal=terminal, width=100, file=StringIO(), record=True)
    print_trace(TRACE, console)
    text = console.export_text()
    assert all(name in text for name in ("turn", "team", "model", "search", "no answer"))


def test_a_row_sums_up_a_trace() -> None:
    row = summary(TRACE)
    assert (row["seconds"], row["tokens"], row["status"], row["failed"]) == (8.0, 12, "answered", False)
    assert trace_table([TRACE]).row_count == 1


def test_a_trace_is_chosen_by_the_beginning_of_its_id_or_as_the_newest() -> None:
    other = Trace(id="abd2", thread_id="", spans=TRACE.spans)
    assert choose([other, TRACE], None) is other
    assert choose([other, TRACE], "abc") is TRACE
    with pytest.raises(InputError, match="2 traces begin"):
        choose([other, TRACE], "ab")
    with pytest.raises(InputError, match="No trace x"):
        choose([other], "x")
    with pytest.raises(InputError, match="No trace is kept"):
        choose([], None)
