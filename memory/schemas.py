"""Records of the three memory tiers; JSON only."""

from typing_extensions import TypedDict


class Fact(TypedDict):
    """Something lasting about one user (long tier)."""

    id: str
    text: str
    topic: str
    """What the fact is about; a newer fact on the same topic replaces it."""
    created_at: float
    """Unix time, in seconds."""
    thread_id: str
    checkpoint_id: str


class Episode(TypedDict):
    """One past turn and how it ended (episodic tier)."""

    id: str
    thread_id: str
    question: str
    answer: str
    route: str
    status: str
    created_at: float


class Recalled(TypedDict):
    """What the three tiers know that bears on the question."""

    summary: str
    """Summary of the turns before the window (short tier)."""
    facts: list[Fact]
    episodes: list[Episode]
