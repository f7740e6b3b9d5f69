"""What a caller gets back from one turn."""

from collections.abc import Sequence
from typing import Any, Literal

from langgraph.types import Interrupt
from pydantic import BaseModel, ConfigDict, Field

from twintrack.nodes.state import Draft, Status


class Cited(BaseModel):
    """A quoted span that resolves to a stored passage."""

    model_config = ConfigDict(frozen=True)

    marker: int
    """Number in the answer's text, as in `[1]`."""
    passage_id: str
    document_id: str
    title: str
    source: str
    start: int
    """Offset of the quote in the document's text, in characters."""
    end: int
    quote: str


class Coordination(BaseModel):
    """What coordinating the team took, each as a share of that and the agents' own work, 0 to 1."""

    model_config = ConfigDict(frozen=True)

    seconds: float
    """Time; agents that ran in parallel count each."""
    tokens: float
    messages: float
    high: bool
    """Whether the share of time is above `team.overhead_warns_at`, or that of tokens above `..._tokens`."""
    between: dict[str, int] = Field(default_factory=dict)
    """Tasks by who gave them to whom, as `team>researcher`."""
    by_step: dict[str, dict[str, Any]]
    """Seconds, tokens and messages of each coordinating step."""
    again: int = 0
    """Tasks that were not done, because the result of an equal one was given again."""


class Usage(BaseModel):
    """What one turn spent."""

    model_config = ConfigDict(frozen=True)

    model_calls: int = 0
    tool_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    seconds: float = 0.0
    cost: float | None = None
    """Money, of the calls whose model has a price; None where no prices are set."""
    unpriced: tuple[str, ...] = ()
    """Models called that have no price."""
    first_token_seconds: float | None = None
    """When the first checked words of the answer were out, which whoever streams hears then; None without an answer."""
    last_token_seconds: float | None = None
    """When the whole answer was out."""


class Coverage(BaseModel):
    """How much of the team's plan has a result."""

    model_config = ConfigDict(frozen=True)

    planned: int
    done: int
    lacking: list[str]
    """Tasks that have none."""


class StepSummary(BaseModel):
    """What one of the team's agents did."""

    model_config = ConfigDict(frozen=True)

    agent: str
    task: str
    status: str
    seconds: float
    error: str = ""
    again: bool = False
    """Whether the result of an equal task was given again."""


class Answer(BaseModel):
    """One turn's outcome; a failure is labelled and never passed off as an answer."""

    model_config = ConfigDict(frozen=True)

    status: Status
    text: str
    citations: list[Cited] = Field(default_factory=list)
    route: Literal["direct", "team", ""] = ""
    confidence: float = 0.0
    """How sure the router was, 0 to 1."""
    degraded: bool = False
    """True when a simpler path answered than was chosen."""
    cached: Literal["exact", "similar", ""] = ""
    """How the answer cache knew the question, where the answer was given before; empty where it was made now."""
    reason: str = ""
    """Why it abstained, was refused, failed, is partial or degraded; else why the route was taken."""
    steps: list[StepSummary] = Field(default_factory=list)
    coverage: Coverage | None = None
    """How much of the team's plan has a result; None where nothing was planned."""
    coordination: Coordination | None = None
    """What coordinating the team took beside its agents' work; None where no team worked."""
    usage: Usage = Field(default_factory=Usage)
    trace_id: str = ""
    version: str = ""
    """Id of the checkpoint this turn ended in; `rollback` takes it."""
    thread_id: str = ""
    interrupts: list[dict[str, Any]] = Field(default_factory=list)
    """What a person must decide before the run goes on; `resume` takes the decisions."""


def answer_of(state: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of an Answer that the graph's final state holds."""
    if interrupts := state.get("__interrupt__"):
        return unfinished_of(interrupts)
    draft, decision = state["answer"], state.get("decision")
    degraded = state.get("degraded", "")
    return {
        "status": draft["status"],
        "text": draft["text"],
        "citations": draft["citations"],
        "route": decision["route"] if decision else "",
        "confidence": decision["confidence"] if decision else 0.0,
        "degraded": bool(degraded),
        "cached": cache if (cache := state.get("cache")) in ("exact", "similar") else "",
        "reason": _reason(draft, degraded) or (decision["reason"] if decision else ""),
        "coverage": state.get("coverage"),
        "coordination": state.get("coordination"),
        "steps": [
            {key: step[key] for key in StepSummary.model_fields if key in step} for step in state.get("steps", [])
        ],
    }


def unfinished_of(interrupts: Sequence[Interrupt]) -> dict[str, Any]:
    """Return the fields of an Answer to a turn that did not end: it waits for a person, or was broken off."""
    asked = [interrupt.value for interrupt in interrupts]
    reason = "waits for approval" if asked else "the turn was broken off"
    return {"status": "interrupted", "text": "", "interrupts": asked, "reason": reason}


def _reason(draft: Draft, degraded: str) -> str:
    """Return why a simpler path answered; without an answer also why there is none, and what was looked at."""
    why = draft.get("reason", "")
    if degraded and draft["status"] == "answered":
        return degraded
    return "; ".join(filter(None, [degraded, why if why not in degraded else ""]))
