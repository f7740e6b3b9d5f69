"""Records of the three memory tiers; JSON only, but for `Turn`, which is what one turn hands over."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NotRequired

from langchain_core.messages import AnyMessage
from typing_extensions import TypedDict


class Fact(TypedDict):
    """Something lasting about one user (long tier)."""

    id: str
    text: str
    topic: str
    """What the fact is about; a newer fact on the same topic replaces it."""
    created_at: float
    """Unix time, in seconds."""
    invalid_at: float
    """When a newer fact replaced it; 0 while it holds."""
    replaced_by: str
    """Id of that newer fact, or empty."""
    thread_id: str
    checkpoint_id: str


class Episode(TypedDict):
    """One past turn and how it ended (episodic tier)."""

    id: str
    thread_id: str
    turn_id: str
    checkpoint_id: str
    ordinal: int
    """Number of the turn in its thread, from 1; 0 where it is not known."""
    question: str
    answer: str
    route: str
    status: str
    created_at: float


class Summary(TypedDict):
    """What was said in a thread before its window (short tier)."""

    text: str
    last_id: str
    """Id of the last message it covers."""
    by: NotRequired[Literal["model"]]
    """Who wrote it; without, its lines are quoted."""


class Recalled(TypedDict):
    """What the three tiers know that bears on the question."""

    summary: str
    """Summary of the turns before the window (short tier)."""
    facts: list[Fact]
    episodes: list[Episode]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One finished turn, as handed to `Memory.remember`."""

    thread_id: str
    turn_id: str
    """The same for every try at one turn: what makes remembering idempotent."""
    question: str
    answer: str
    route: str
    status: str
    checkpoint_id: str = ""
    created_at: float | None = None
    """Unix time, in seconds; None means now."""
    messages: Sequence[AnyMessage] = ()
    """The thread's messages, this turn included."""


class Remembered(TypedDict):
    """What one turn left in memory."""

    facts: list[str]
    """Ids of the facts that are new."""
    replaced: list[str]
    """Ids of the facts that no longer hold."""
    episode: str
    """Id of the episode, or empty."""
    summarised: bool
    """Whether the thread now has a summary."""
