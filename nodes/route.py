"""Choose the track: rules first, then the classifier, then a small model inside the margin."""

import time
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from langchain_core.language_models import BaseChatModel
from pydantic import BaseModel, Field, model_validator

from twintrack.core.embeddings import Embedder
from twintrack.core.errors import TwintrackError
from twintrack.nodes.arithmetic import expression_in
from twintrack.nodes.complexity import Thresholds
from twintrack.nodes.known import known, noted
from twintrack.nodes.prompts import router_prompt
from twintrack.nodes.state import NOTHING_RECALLED, Decision, Route, State
from twintrack.nodes.structured import asked


class Classifier(Protocol):
    """Tells how complex a question is."""

    def score(self, question: str, vector: Any) -> float:
        """Return the probability, 0 to 1, that the question needs more than one step."""
        ...


_EVEN = 0.5


class Judgement(BaseModel):
    """A small model's opinion on the track."""

    complex: bool = Field(description="True when the question needs several look-ups, a calculation, or a comparison.")
    confidence: float = Field(description="How sure you are of this, from 0 to 1.")

    @model_validator(mode="before")
    @classmethod
    def _unsaid(cls, given: Any) -> Any:
        """Take a judgement without its confidence as an even chance: asked for, but not needed to go on."""
        return {"confidence": _EVEN, **given} if isinstance(given, dict) else given


@dataclass(frozen=True, slots=True, kw_only=True)
class Router:
    """Decides between the direct track and the team; unsure goes to the team."""

    classifier: Classifier
    thresholds: Thresholds
    model: BaseChatModel | None = None

    async def decide(self, question: str, vector: Any) -> Decision:
        """Return the track with its confidence, the reason and what it cost."""
        began = time.perf_counter()
        decision = await self._decided(question, vector)
        return Decision(**{**decision, "ms": round((time.perf_counter() - began) * 1000, 3)})

    async def _decided(self, question: str, vector: Any) -> Decision:
        if expression_in(question):
            return _decision("team", 1.0, "rule: holds a calculation")
        score = self.classifier.score(question, vector)
        threshold, margin = self.thresholds.threshold, self.thresholds.margin
        if abs(score - threshold) > margin:
            return _decision("team" if score > threshold else "direct", _confidence(score), "classifier")
        if self.model is None:
            return _decision("team", _confidence(score), "unsure: classifier inside its margin")
        return await self._ask(self.model, question, score)

    async def _ask(self, model: BaseChatModel, question: str, score: float) -> Decision:
        try:
            judgement, tokens = await asked(model, Judgement, router_prompt(question))
        except TwintrackError:
            return _decision("team", _confidence(score), "unsure: the router's model did not answer")
        if judgement is None:
            return _decision("team", _confidence(score), "unsure: the router's model was not understood", tokens)
        sure = min(1.0, max(0.0, judgement.confidence))
        return _decision("team" if judgement.complex else "direct", sure, "small model", tokens)


async def route(state: State, *, router: Router, embedder: Embedder) -> dict[str, Any]:
    """Record which track the question takes, how sure that is, why, and what it cost to tell."""
    if state.get("draft"):
        return {}  # a kept answer was found
    question = state["question"]
    if noted(question) or known(question, state.get("recalled", NOTHING_RECALLED)["facts"]):
        return {"decision": _decision("direct", 1.0, "rule: about the user")}
    return {"decision": await router.decide(question, await embedder.embed_one(question))}


def chosen(state: State) -> Literal["direct", "team", "release"]:
    """Follow the decision; what is answered already goes out."""
    if state.get("draft"):
        return "release"
    decision = state["decision"]
    return decision["route"] if decision else "team"


def _decision(route: Route, confidence: float, reason: str, tokens: int = 0) -> Decision:
    return Decision(route=route, confidence=round(confidence, 4), reason=reason, ms=0.0, tokens=tokens)


def _confidence(score: float) -> float:
    return max(score, 1 - score)
