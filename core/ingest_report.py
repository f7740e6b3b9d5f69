"""What a run over files tells: how far it is, and what became of each document."""

from collections.abc import Callable
from dataclasses import dataclass, field

from twintrack.core.documents import Failure

Progress = Callable[[int, int, str], None]
"""Called with documents done, documents known of so far, and the one at hand."""


@dataclass(slots=True)
class IngestReport:
    """What became of each document."""

    read: int = 0
    skipped: int = 0
    """Unchanged since the last time."""
    replaced: int = 0
    removed: int = 0
    moved: int = 0
    """Copies dropped because the document was read in again for other readers."""
    passed_over: int = 0
    """Files below the folders that are of no kind that can be read."""
    guessed: dict[str, str] = field(default_factory=dict)
    """Files that do not tell their encoding, and the one that their bytes made likely."""
    passages: int = 0
    """Passages written this time."""
    failed: list[Failure] = field(default_factory=list)
    seconds: float = 0.0
