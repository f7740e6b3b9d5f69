"""The channels of the graphs; JSON values and messages only."""

from typing import Annotated, Literal, Required

from langchain_core.messages import AnyMessage
from langgraph.graph.message import add_messages
from typing_extensions import TypedDict

from twintrack.core.passages import Citation, Passage
from twintrack.memory.schemas import Recalled

Route = Literal["direct", "team"]
Status = Literal["answered", "abstained", "refused", "interrupted", "failed"]


class Draft(TypedDict, total=False):
    """An answer on its way out."""

    status: Required[Status]
    text: Required[str]
    citations: Required[list[Citation]]
    reason: str
    """Why it abstained, refused or failed."""


class Step(TypedDict):
    """One step of the team's plan."""

    id: str
    agent: str
    """Name in the table of sub-agents."""
    task: str
    depends_on: list[str]


class StepResult(TypedDict):
    """What came of one step."""

    step_id: str
    agent: str
    task: str
    status: Literal["done", "failed", "timed_out", "skipped"]
    text: str
    citations: list[Citation]
    error: str
    seconds: float


class Decision(TypedDict):
    """Why a question took its route."""

    route: Route
    confidence: float
    """0 to 1."""
    reason: str


class InputState(TypedDict):
    """What a caller may send."""

    messages: Annotated[list[AnyMessage], add_messages]
    """The conversation; the last human message is the question."""


class OutputState(TypedDict):
    """What a caller gets back."""

    messages: Annotated[list[AnyMessage], add_messages]
    answer: Draft
    decision: Decision
    degraded: str
    """Why a simpler path answered than was chosen; empty when none did."""
    steps: list[StepResult]


class State(InputState, OutputState, total=False):
    """Everything one turn works with; `admit` empties what belongs to the last turn."""

    question: Required[str]
    """The question as masked and cleaned."""
    recalled: Recalled
    passages: list[Passage]
    draft: Draft
    tried: list[Route]
    """Tracks that already ran this turn; escalation and step-down each happen once."""
    plan: list[Step]
