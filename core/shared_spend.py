"""What users and tenants spend in a window of time, counted on Redis for all agents, runs and processes at once."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from twintrack.core.context import Identity
from twintrack.core.errors import BudgetExceeded
from twintrack.core.keys import PREFIX, encode
from twintrack.core.redis_client import RedisSource
from twintrack.core.redis_errors import translated

MICRO = 1_000_000
"""Money is counted in whole millionths: sums of floats drift."""
_FIELDS = ("model_calls", "tool_calls", "tokens", "cost")

# One round trip: every scope is looked at before any of them is raised, so a refusal leaves no trace.
# A call is counted when it fits whole; what it will spend is only guessed, so tokens and money let in the call that
# crosses the line. KEYS: one hash a scope. ARGV: seconds to keep, then four amounts, then four limits a scope (-1: none).
_RESERVE = """
local names = {'model_calls', 'tool_calls', 'tokens', 'cost'}
for scope, key in ipairs(KEYS) do
  local spent = redis.call('HMGET', key, unpack(names))
  for place, name in ipairs(names) do
    local limit = tonumber(ARGV[1 + 4 * scope + place])
    local now, more = tonumber(spent[place] or '0'), tonumber(ARGV[1 + place])
    local whole = place <= 2 and more or math.min(more, 1)
    if limit >= 0 and more > 0 and now + whole > limit then return {scope, name, limit} end
  end
end
for _, key in ipairs(KEYS) do
  for place, name in ipairs(names) do
    if ARGV[1 + place] ~= '0' then redis.call('HINCRBY', key, name, ARGV[1 + place]) end
  end
  redis.call('EXPIRE', key, ARGV[1])
end
return {}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """What one scope may spend in a window; None sets no limit."""

    model_calls: int | None = None
    tool_calls: int | None = None
    tokens: int | None = None
    cost: float | None = None

    def __bool__(self) -> bool:
        return any(getattr(self, name) is not None for name in _FIELDS)


class Amount(NamedTuple):
    """What a call takes, or is thought to take."""

    model_calls: int = 0
    tool_calls: int = 0
    tokens: int = 0
    cost: float = 0.0


@dataclass(frozen=True, slots=True)
class Window:
    """Where one reservation was counted, so that it is settled there even when the next window has begun."""

    keys: tuple[str, ...]
    seconds: int


class SharedSpend:
    """Keeps the sums; one round trip to reserve, one to settle."""

    def __init__(
        self,
        source: RedisSource,
        *,
        user: Ceiling,
        tenant: Ceiling,
        window_s: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._source = source
        self._ceilings = {"user": user, "tenant": tenant}
        self._window_s = window_s
        self._clock = clock

    async def reserve(self, identity: Identity, amount: Amount) -> Window:
        """Count a call that is about to start, with a guess of what it will spend.

        Raises:
            BudgetExceeded: the user's or the tenant's window is spent; nothing is counted.
            RedisUnavailable: nobody can tell what is left.
        """
        scopes = [(name, ceiling) for name, ceiling in self._ceilings.items() if ceiling]
        window = Window(tuple(self._key(name, identity) for name, _ in scopes), int(2 * self._window_s) + 1)
        limits = [limit for _, ceiling in scopes for limit in _whole(ceiling)]
        refused = await self._run(window, amount, limits)
        if refused:
            raise self._spent(scopes[refused[0] - 1][0], refused[1].decode(), refused[2])
        return window

    async def settle(self, window: Window, more: Amount) -> None:
        """Add what the call spent beyond the guess; less than the guess is given back."""
        if any(more):
            await self._run(window, more, [-1] * len(_FIELDS) * len(window.keys))

    async def _run(self, window: Window, amount: Amount, limits: list[int]) -> list[Any]:
        amounts = (*amount[:3], round(amount.cost * MICRO))
        arguments = [window.seconds, *amounts, *limits]
        async with translated():
            script = self._source.client().register_script(_RESERVE)
            found: list[Any] = await script(keys=window.keys, args=arguments)
        return found

    def _key(self, scope: str, identity: Identity) -> str:
        number = int(self._clock() // self._window_s)
        whose = encode(identity.user_id) if scope == "user" else "*"
        # The braces keep a tenant's sums on one node of a cluster, as one script needs them.
        return f"{PREFIX}:spend:{{{encode(identity.tenant_id)}}}:{scope}:{whose}:{self._window_s:g}:{number}"

    def _spent(self, scope: str, name: str, limit: int) -> BudgetExceeded:
        most = f"{limit / MICRO:g}" if name == "cost" else str(limit)
        what = "of money" if name == "cost" else name.replace("_", " ")
        return BudgetExceeded(
            f"The {scope} reached the limit of {most} {what} in {self._window_s:g} seconds.",
            fix=f"Ask again in the next window, or raise budgets.{scope}_{name}.",
        )


def _whole(ceiling: Ceiling) -> list[int]:
    given = (ceiling.model_calls, ceiling.tool_calls, ceiling.tokens)
    money = -1 if ceiling.cost is None else round(ceiling.cost * MICRO)
    return [*(-1 if limit is None else limit for limit in given), money]
