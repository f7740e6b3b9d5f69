"""The router decides by rules, then by its own judgement, then by a small model, and says what that cost."""

from typing import Any

import pytest
from langchain_core.messages import AIMessage

from twintrack.nodes.complexity import Thresholds
from twintrack.nodes.route import Judgement, Router

BAND = Thresholds(0.5, 0.1)


class Fixed:
    def __init__(self, score: float) -> None:
        self._score = score

    def score(self, question: str, vector: Any) -> float:
        return self._score


@pytest.mark.parametrize(
    ("score", "route", "reason"),
    [
        (0.9, "team", "classifier"),
        (0.1, "direct", "classifier"),
        (0.45, "team", "unsure: classifier inside its margin"),
        (0.55, "team", "unsure: classifier inside its margin"),
    ],
)
async def test_what_is_unsure_goes_to_the_team(score: float, route: str, reason: str) -> None:
    decision = await Router(classifier=Fixed(score), thresholds=BAND).decide("Who is it?", None)
    assert (decision["route"], decision["reason"], decision["tokens"]) == (route, reason, 0)
    assert decision["confidence"] == max(score, 1 - score)
    assert decision["ms"] > 0


async def test_a_calculation_needs_no_judgement() -> None:
    decision = await Router(classifier=Fixed(0.0), thresholds=BAND).decide("What is 17*23?", None)
    assert (decision["route"], decision["confidence"]) == ("team", 1.0)


class Replying:
    """Stands where a chat model does; gives what its structured output would."""

    def __init__(self, parsed: Judgement | None) -> None:
        usage = {"input_tokens": 40, "output_tokens": 5, "total_tokens": 45}
        self._reply = {"raw": AIMessage("{}", usage_metadata=usage), "parsed": parsed, "parsing_error": None}
        self.asked = 0

    def model_copy(self, *, update: Any) -> "Replying":
        assert update == {"disable_streaming": True}
        return self

    def with_structured_output(self, schema: Any, *, include_raw: bool) -> "Replying":
        assert (schema, include_raw) == (Judgement, True)
        return self

    async def ainvoke(self, prompt: str, config: Any) -> Any:
        assert "Who is it?" in prompt
        assert "nostream" in config["tags"]
        self.asked += 1
        return self._reply


@pytest.mark.parametrize(
    ("parsed", "route", "reason"),
    [
        (Judgement(complex=True, confidence=0.9), "team", "small model"),
        (Judgement(complex=False, confidence=0.7), "direct", "small model"),
        (None, "team", "unsure: the router's model was not understood"),
    ],
)
async def test_a_small_model_is_asked_inside_the_margin_and_its_tokens_are_told(
    parsed: Judgement | None, route: str, reason: str
) -> None:
    model: Any = Replying(parsed)
    decision = await Router(classifier=Fixed(0.5), thresholds=BAND, model=model).decide("Who is it?", None)
    assert (decision["route"], decision["reason"], decision["tokens"]) == (route, reason, 45)
    assert model.asked == 1


async def test_a_small_model_is_not_asked_where_the_judgement_is_sure() -> None:
    model: Any = Replying(Judgement(complex=True, confidence=0.9))
    decision = await Router(classifier=Fixed(0.1), thresholds=BAND, model=model).decide("Who is it?", None)
    assert (decision["route"], model.asked) == ("direct", 0)


@pytest.mark.parametrize(
    ("said", "told"),
    [({"confidence": 0.83}, 0.83), ({}, 0.5), ({"confidence": 7}, 1.0)],
)
async def test_where_the_small_model_decides_the_confidence_is_its_own(said: dict[str, float], told: float) -> None:
    model: Any = Replying(Judgement.model_validate({"complex": False, **said}))
    decision = await Router(classifier=Fixed(0.52), thresholds=BAND, model=model).decide("Who is it?", None)
    assert (decision["route"], decision["confidence"]) == ("direct", told)
