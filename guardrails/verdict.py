"""What a rail says about a text or an action."""

from dataclasses import dataclass
from typing import Literal

Action = Literal["allow", "mask", "block"]
FailureMode = Literal["open", "closed"]
"""What happens when the rail itself breaks: let through, or block."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One rail's decision."""

    rail: str
    action: Action = "allow"
    reason: str = ""
    """Said to the user when blocked; never holds the offending text."""
    text: str | None = None
    """The text to go on with, when the rail changed it."""
    score: float = 0.0

    @property
    def blocked(self) -> bool:
        """Tell whether the run must stop here."""
        return self.action == "block"
