"""Turns of the same mode, added up."""

from typing import Any

from twintrack.core.trace_modes import modes, pattern_of, way_of
from twintrack.core.traces import Trace, TraceSpan


def trace(*spans: TraceSpan) -> Trace:
    return Trace(id="1", thread_id="t", spans=spans)


def span(id: str, parent: str | None, name: str = "", *, start: float = 1, end: float = 2, **more: Any) -> TraceSpan:
    return TraceSpan(id=id, parent=parent, name=name or id, type="chain", start=start, end=end, **more)


def run(seconds: float, **labels: str) -> TraceSpan:
    return TraceSpan(id="r", parent=None, name="turn", type="agent", start=1, end=1 + seconds, labels=labels)


def test_a_resumed_turns_way_goes_on_where_it_was_interrupted() -> None:
    resumed = TraceSpan(id="b", parent="a", name="turn", type="agent", start=5, end=9, labels={"status": "answered"})
    first = [span("a", None, "turn"), span("x", "a", "team"), span("p", "x", "plan")]
    again = [
        resumed,
        span("y", "b", "team", start=5),
        span("g", "y", "gather", start=6),
        span("z", "b", "direct", start=8),
    ]
    assert way_of(trace(*first, *again)) == "team > direct"
    assert pattern_of(trace(*first, *again)) == "supervisor"


def test_an_answer_given_before_and_a_refused_question_take_no_track() -> None:
    assert way_of(trace(run(1, cache="exact"), span("route", "r"))) == "kept"
    assert way_of(trace(run(1, status="refused"), span("refuse", "r"))) == "none"


def test_outcomes_are_counted_and_times_and_shares_averaged() -> None:
    team = span("team", "r")
    turns = [trace(run(1, status="answered", coordination_seconds="20%"), team)] * 19
    slow = run(40, status="partial", degraded="why", coordination_seconds="40%", coordination_high="yes")
    [found] = modes([*turns, trace(slow, span("team", "r", usage={"total": 100}))])
    assert (found.turns, found.statuses) == (20, {"answered": 19, "partial": 1})
    assert (found.degraded, found.failed, found.coordination_high) == (1, 0, 1)
    assert (found.seconds_p50, found.seconds_p95, found.tokens, found.coordination) == (1, 1, 5, 0.21)
