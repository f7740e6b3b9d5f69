"""Asks a person, waits only so long, and decides by the settings where nobody did."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from langgraph.config import get_config
from langgraph.runtime import get_runtime
from langgraph.types import interrupt

from twintrack.core.context import Identity
from twintrack.core.tool_calls import caller_of
from twintrack.core.waiting import Waiting, WaitingHere

EXPIRES = "expires_at"
"""Key of a request that says until when it may be answered, in ISO 8601."""
DEFAULT = "default"
"""Key of a request that says what holds after that."""
NOBODY = "nobody decided in time"
NOT_APPROVED = "not approved"
"""How the reason begins for which something was not done."""

Default = Literal["reject", "approve_read_only"]


@dataclass(frozen=True, slots=True)
class Said:
    """What came of a question."""

    answer: Any
    lapsed: bool = False
    """Nobody answered in time: `answer` is not to be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approvals:
    """How long a person may think, and what holds when nobody has decided."""

    timeout_s: float | None = None
    default: Default = "reject"
    waiting: Waiting = field(default_factory=WaitingHere)
    clock: Callable[[], float] = time.time

    async def ask(self, request: dict[str, Any], place: str) -> Said:
        """Interrupt the run with the request; when it goes on, say what was answered, if it was in time.

        A run that goes on asks again, so what was noted at the first time counts, also in another process.
        """
        if self.timeout_s is None:
            return Said(interrupt(request))
        identity, thread = _asker()
        due = await self.waiting.until(identity, thread, place, self.clock() + self.timeout_s)
        answer = interrupt({**request, EXPIRES: _moment(due), DEFAULT: self.default})
        await self.waiting.over(identity, thread, place)
        return Said(answer, lapsed=self.clock() >= due)

    def approves(self, *, read_only: bool) -> bool:
        """Tell whether a call that nobody decided on may be made."""
        return self.default == "approve_read_only" and read_only


def has_lapsed(request: Any, now: float) -> bool:
    """Tell whether a request may no longer be answered."""
    until = request.get(EXPIRES) if isinstance(request, dict) else None
    return isinstance(until, str) and datetime.fromisoformat(until).timestamp() <= now


def _asker() -> tuple[Identity, str]:
    where = get_config().get("configurable") or {}
    return caller_of(get_runtime())[0], str(where.get("thread_id", ""))


def _moment(due: float) -> str:
    return datetime.fromtimestamp(due, UTC).isoformat(timespec="milliseconds")
