"""Ask a model whether each claim of an answer follows from what it cites: the second opinion, where one is set."""

from collections.abc import Mapping, Sequence

from langchain_core.language_models import BaseChatModel
from pydantic import BaseModel, Field

from twintrack.core.errors import ModelUnavailable
from twintrack.core.passages import Passage
from twintrack.guardrails.verdict import FailureMode
from twintrack.nodes.claims import Claim
from twintrack.nodes.prompts import judge_prompt
from twintrack.nodes.structured import asked

FAILURE: FailureMode = "open"
"""A judge that does not answer lets through what the words bear out, and the answer says that it was not judged."""
MOST_CLAIMS = 20
"""Claims that one call judges; what comes after them was checked by its words alone."""


class ClaimVerdict(BaseModel):
    """What a judge thinks of one claim."""

    claim: int = Field(description="Number of the claim.")
    supported: bool = Field(description="True only when the claim's own passages say it.")


class Verdicts(BaseModel):
    """What a judge thinks of an answer."""

    answers: bool = Field(description="True when the supported claims answer the question.")
    verdicts: list[ClaimVerdict] = Field(description="One for each numbered claim.")


async def judge(
    question: str, claims: Sequence[Claim], passages: Mapping[int, Passage], model: BaseChatModel
) -> tuple[bool, set[int]]:
    """Return whether the question is answered, and the places of the claims that are not supported.

    Raises:
        TwintrackError: the model failed, the budget is spent, or the verdicts leave a claim out.
    """
    first = claims[:MOST_CLAIMS]
    prompt = judge_prompt(question, [(claim.text, _sources(claim, passages)) for claim in first])
    found, _ = await asked(model, Verdicts, prompt)
    if found is None or {one.claim for one in found.verdicts} != set(range(1, len(first) + 1)):
        raise ModelUnavailable(
            "The judge's verdicts were not understood.", fix="choose another TWINTRACK_MODELS__JUDGE"
        )
    return found.answers, {one.claim - 1 for one in found.verdicts if not one.supported}


def _sources(claim: Claim, passages: Mapping[int, Passage]) -> list[str]:
    return [f"{one['title']}\n{one['text']}" for number in claim.markers if (one := passages.get(number))]
