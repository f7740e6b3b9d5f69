"""The channels of the graphs; JSON values and messages only."""

import operator
from typing import Annotated, Literal, NotRequired, Required

from langchain_core.messages import AnyMessage
from langgraph.graph.message import add_messages
from typing_extensions import TypedDict

from twintrack.core.passages import Citation, Passage
from twintrack.memory.schemas import Recalled

Route = Literal["direct", "team"]
Status = Literal["answered", "abstained", "refused", "interrupted", "failed"]


NOTHING_RECALLED: Recalled = {"summary": "", "facts": [], "episodes": []}


class Draft(TypedDict, total=False):
    """An answer on its way out."""

    status: Required[Status]
    text: Required[str]
    citations: Required[list[Citation]]
    reason: str
    """Why it abstained, refused or failed."""
    rests_on: Literal["documents", "calculation", "user"]
    """What the answer comes from; only documents have to be cited. Absent means documents."""


StepStatus = Literal["done", "handed_over", "abstained", "failed", "timed_out", "skipped"]


class HandOver(TypedDict):
    """What one peer asks of another."""

    to: str
    task: str


class Step(TypedDict):
    """One step of the team's plan."""

    id: str
    agent: str
    """Name in the table of sub-agents."""
    task: str
    depends_on: list[str]
    tools: NotRequired[list[str]]
    """The only tools of its agent that the step may use; absent leaves them all."""
    instead_of: NotRequired[list[str]]
    """Steps without a result whose work this one does, after the plan was changed."""
    approval: NotRequired[Literal["asked", "given"]]
    """Whether a person must approve it before it runs, or has; absent where nobody has to."""
    status: NotRequired[StepStatus]
    """What came of it, noted by `gather`; absent while it is open. The result itself is in `results`."""


class Line(TypedDict):
    """One message of an agent's own conversation."""

    role: str
    text: str


class Effort(TypedDict):
    """What one coordinating step took."""

    step: str
    seconds: float
    tokens: int
    messages: int
    """Messages it exchanged with agents and models."""


class StepResult(TypedDict):
    """What came of one step."""

    step_id: str
    agent: str
    task: str
    status: StepStatus
    text: str
    citations: list[Citation]
    error: str
    """Why there is no result; beside one, what it lacks."""
    seconds: float
    tokens: NotRequired[int]
    """What its model read and wrote."""
    messages: NotRequired[int]
    """Messages of its own conversation."""
    degraded: NotRequired[str]
    """Why it was done in a simpler way than it should have been."""
    again: NotRequired[bool]
    """Whether it is an equal task's result, of this run or of an earlier one."""
    within: NotRequired[Effort]
    """What coordinating took inside it, where it is a team."""
    between: NotRequired[dict[str, int]]
    """Who gave tasks to whom inside it, where it is a team."""
    hand_over: NotRequired[HandOver]
    """Who goes on with the task, where peers hand over to each other."""
    transcript: NotRequired[list[Line]]
    """The end of that conversation, cut to a bounded size; the trace holds it whole."""


class Coverage(TypedDict):
    """How much of the plan has a result."""

    planned: int
    done: int
    lacking: list[str]
    """Tasks of the steps without a result; with `done` they are all that was planned."""


class Coordination(TypedDict):
    """What a run's coordination took beside its agents' work, each as a share of both, 0 to 1."""

    seconds: float
    """Time in route, plan, delegate, gather and compose beside the agents' time, parallel agents counted each."""
    tokens: float
    messages: float
    high: bool
    """Whether the share of time, or of tokens, is above what the settings call too much."""
    between: NotRequired[dict[str, int]]
    """Tasks by who gave them to whom, as `team>researcher`; a hand-over is one too."""
    by_step: dict[str, Effort]
    again: NotRequired[int]
    """Tasks that were not done, because the result of an equal one was given again."""


class Decision(TypedDict):
    """Why a question took its route."""

    route: Route
    confidence: float
    """0 to 1."""
    reason: str
    ms: float
    """What it took to decide, a model's answer included."""
    tokens: int
    """What a small model read and wrote, where one was asked."""


class Lookup(TypedDict):
    """One look into the answer cache, for whoever keeps the answer later."""

    outcome: Literal["exact", "similar", "new", "skipped", "broken"]
    why: str
    began: float
    """Unix time, in seconds."""
    corpus: str
    """Version of the caller's corpus at that moment."""
    memory: str
    """Digest of what was remembered of the user, where that goes into the answer."""
    flight: str
    """Where others wait for this turn's answer; empty where nobody does."""


class InputState(TypedDict):
    """What a caller may send."""

    messages: Annotated[list[AnyMessage], add_messages]
    """The conversation; the last human message is the question."""


class OutputState(TypedDict):
    """What a caller gets back."""

    messages: Annotated[list[AnyMessage], add_messages]
    answer: Draft
    decision: Decision | None
    degraded: str
    """Why a simpler path answered than was chosen; empty when none did."""
    steps: list[StepResult]
    """What the team's agents did; empty on the direct track."""
    coverage: Coverage | None
    """How much of the team's plan has a result; None where there was no plan."""
    coordination: Coordination | None
    """What coordinating the team took; None where there was none."""
    cache: str
    """What the answer cache did: gave the answer (`exact`, `similar`), had none (`new`), or why it was not asked."""


class State(OutputState, total=False):
    """Everything one turn works with; `admit` empties what belongs to the last turn."""

    question: str
    """The question as cleaned and masked."""
    recalled: Recalled
    tried: list[Route]
    """Tracks that already ran this turn: escalation and step-down each happen once."""
    passages: list[Passage]
    evidence: float
    """How well the passages cover the question, 0 to 1."""
    query: str
    """The question as the direct track searched for it."""
    lookup: Lookup | None
    draft: Draft | None
    failure: str
    """What broke, for the label on the answer; empty when nothing did."""


class DirectState(TypedDict, total=False):
    """What the direct track reads and writes."""

    messages: Required[Annotated[list[AnyMessage], add_messages]]
    question: Required[str]
    recalled: Recalled
    tried: list[Route]
    query: str
    """The question as it is searched for, follow-ups resolved."""
    passages: list[Passage]
    evidence: float
    draft: Draft | None
    degraded: str


class TeamState(TypedDict, total=False):
    """What the team reads and writes."""

    messages: Required[Annotated[list[AnyMessage], add_messages]]
    question: Required[str]
    recalled: Recalled
    tried: list[Route]
    lookup: Lookup | None
    plan: list[Step]
    results: Annotated[list[StepResult], operator.add]
    """One result per step; agents that run in parallel append."""
    effort: Annotated[list[Effort], operator.add]
    """What coordinating took so far."""
    decision: Decision | None
    replans: int
    changed_from: int | None
    """Place in the plan from which its last change stands; None where it was not changed."""
    steps: list[StepResult]
    coverage: Coverage
    coordination: Coordination | None
    draft: Draft | None
    failure: str
    degraded: str


class PeersState(TeamState, total=False):
    """What peers who hand over to each other read and write."""

    task: str
    """What the peer whose turn it is has to do."""
    hops: list[HandOver]
    """The hand-overs so far."""


class DirectOutput(TypedDict, total=False):
    """What the direct track hands back."""

    tried: list[Route]
    query: str
    passages: list[Passage]
    evidence: float
    draft: Draft | None
    degraded: str


class TeamOutput(TypedDict, total=False):
    """What the team hands back."""

    tried: list[Route]
    steps: list[StepResult]
    coverage: Coverage
    coordination: Coordination | None
    draft: Draft | None
    failure: str
    degraded: str


class Assignment(TypedDict):
    """What one sub-agent is given: its step and nothing it does not need."""

    step: Step
    question: str
    inputs: list[StepResult]
    """Results of the steps it depends on."""
    recalled: Recalled
