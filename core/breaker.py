"""Lets what keeps failing rest, a model above all: nobody waits for it, and it is not hammered while it recovers."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

State = Literal["closed", "open", "half-open"]


class Breaker(Protocol):
    """What stands before every call of one model, or before other work that may be in vain."""

    def rests_for(self) -> float:
        """Return the seconds until a call may be made; 0 lets this one through."""
        ...

    def succeeded(self) -> None:
        """Note that a call came back."""
        ...

    def failed(self) -> None:
        """Note that a call failed for a reason that may pass."""
        ...


@dataclass
class LocalBreaker:
    """Opens after so many failures in a row, in this process; after its rest, one call tries whether it is over."""

    failures: int = 5
    rest_s: float = 30.0
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)
    _in_a_row: int = 0
    _until: float = 0.0

    @property
    def state(self) -> State:
        """Return how it stands now."""
        if self._in_a_row < self.failures:
            return "closed"
        return "open" if self.clock() < self._until else "half-open"

    def rests_for(self) -> float:
        """Return the seconds until a call may be made; the one that is let through holds the others back."""
        now = self.state
        if now == "open":
            return self._until - self.clock()
        if now == "half-open":
            self._until = self.clock() + self.rest_s
        return 0.0

    def succeeded(self) -> None:
        """Close."""
        self._in_a_row = 0

    def failed(self) -> None:
        """Count; open at the last one that is allowed."""
        self._in_a_row += 1
        self._until = self.clock() + self.rest_s
