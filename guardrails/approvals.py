"""Asks a person, waits only so long, and decides by the settings where nobody did."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from langgraph.config import get_config
from langgraph.runtime import get_runtime
from langgraph.types import interrupt

from twintrack.core.context import Identity
from twintrack.core.tool_calls import caller_of
from twintrack.core.waiting import Default, Terms, Waiting, WaitingHere

EXPIRES = "expires_at"
"""Key of a request that says until when it may be answered, in ISO 8601."""
DEFAULT = "default"
"""Key of a request that says what holds after that."""
NOBODY = "nobody decided in time"
NOT_APPROVED = "not approved"
"""How the reason begins for which something was not done."""


@dataclass(frozen=True, slots=True)
class Said:
    """What came of a question."""

    answer: Any
    lapsed: bool = False
    """Nobody answered in time: `answer` is not to be read."""
    default: Default = "reject"
    """What holds then, as the question said."""

    def approves(self, *, read_only: bool) -> bool:
        """Tell whether a call that nobody decided on may be made."""
        return self.default == "approve_read_only" and read_only


@dataclass(frozen=True, slots=True, kw_only=True)
class Approvals:
    """How long a person may think, and what holds when nobody has decided."""

    timeout_s: float | None = None
    default: Default = "reject"
    waiting: Waiting = field(default_factory=WaitingHere)
    clock: Callable[[], float] = time.time

    async def asked(self, place: str) -> bool:
        """Tell whether a question was put at the place before and waits: then its answer decides, no newer policy."""
        return await self.waiting.noted(*_asker(), place) is not None

    async def ask(self, request: dict[str, Any], place: str) -> Said:
        """Interrupt the run with the request; when it goes on, say what was answered, if it was in time.

        A run that goes on asks again, so what was noted at the first time counts, also in another process.
        """
        asker = _asker()
        if (terms := await self.waiting.noted(*asker, place)) is None:
            terms = Terms(math.inf if self.timeout_s is None else self.clock() + self.timeout_s, self.default)
            await self.waiting.note(*asker, place, terms)
        until = {} if terms.due == math.inf else {EXPIRES: _moment(terms.due), DEFAULT: terms.default}
        answer = interrupt({**request, **until})
        await self.waiting.over(*asker, place)
        return Said(answer, self.clock() >= terms.due, terms.default)


def has_lapsed(request: Any, now: float) -> bool:
    """Tell whether a request may no longer be answered."""
    until = request.get(EXPIRES) if isinstance(request, dict) else None
    return isinstance(until, str) and datetime.fromisoformat(until).timestamp() <= now


def _asker() -> tuple[Identity, str]:
    where = get_config().get("configurable") or {}
    return caller_of(get_runtime())[0], str(where.get("thread_id", ""))


def _moment(due: float) -> str:
    return datetime.fromtimestamp(due, UTC).isoformat(timespec="milliseconds")
