"""The routers: pure functions from state to the next step."""

from typing import Any

import pytest

from twintrack.guardrails.budget import Limits, SpendMeter
from twintrack.nodes.admit import admitted
from twintrack.nodes.grade import graded
from twintrack.nodes.step_down import after_direct, after_team

DRAFT = {"status": "answered", "text": "x", "citations": []}
ABSTAINED = {**DRAFT, "status": "abstained"}


@pytest.mark.parametrize(
    ("state", "goes_to"),
    [
        ({"draft": DRAFT}, "release"),
        ({"draft": None, "tried": ["direct"]}, "team"),
        ({"draft": ABSTAINED, "tried": ["direct"]}, "team"),
        ({"draft": None, "tried": ["team", "direct"]}, "release"),
        ({"draft": ABSTAINED, "tried": ["team", "direct"]}, "release"),
    ],
)
def test_direct_escalates_once_and_only_without_an_answer(state: Any, goes_to: str) -> None:
    assert after_direct(state, {}) == goes_to


@pytest.mark.parametrize(("calls", "goes_to"), [(0, "team"), (1, "team"), (2, "release")])
def test_a_run_at_its_limit_does_not_escalate_and_says_so(calls: int, goes_to: str) -> None:
    meter = SpendMeter(Limits(model_calls=2))
    if calls:
        meter.take("model_calls", calls)
    assert after_direct({"draft": ABSTAINED, "tried": ["direct"]}, {"callbacks": [meter]}) == goes_to  # type: ignore[typeddict-item]
    assert ("2 model calls" in " ".join(meter.labels())) == (goes_to == "release")


@pytest.mark.parametrize(
    ("state", "goes_to"),
    [
        ({"draft": DRAFT}, "release"),
        ({"draft": None, "tried": ["team"]}, "step_down"),
        ({"draft": None, "tried": ["direct", "team"]}, "release"),
    ],
)
def test_the_team_steps_down_unless_direct_had_its_turn(state: Any, goes_to: str) -> None:
    assert after_team(state) == goes_to


@pytest.mark.parametrize(
    ("evidence", "tried", "goes_to"), [(0.9, [], "answer"), (0.1, [], "__end__"), (0.1, ["team"], "answer")]
)
def test_weak_evidence_leaves_the_track_unless_it_is_the_last_resort(evidence: float, tried: Any, goes_to: str) -> None:
    assert graded(0.35)({"messages": [], "question": "q", "evidence": evidence, "tried": tried}) == goes_to


def test_a_refused_question_never_reaches_recall() -> None:
    refused: Any = {"draft": {"status": "refused", "text": "no", "citations": []}}
    assert admitted(refused) == "refuse"
    admissible: Any = {"draft": None}
    assert admitted(admissible) == "recall"
