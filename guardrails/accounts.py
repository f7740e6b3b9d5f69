"""Counts what is spent against limits: one account for a run, and below it one for each agent and team at work."""

import threading
import time
from asyncio import CancelledError
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields
from typing import Any

from langgraph.errors import GraphBubbleUp

from twintrack.core.errors import BudgetExceeded


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one run, or one task of an agent or team, may spend; None sets no limit."""

    model_calls: int | None = None
    tool_calls: int | None = None
    tokens: int | None = None
    seconds: float | None = None
    cost: float | None = None

    def __bool__(self) -> bool:
        return any(getattr(self, one.name) is not None for one in fields(self))


class Account:
    """What one holder has spent; what a task spends is spent by all who stand above it too.

    Tokens and money are guessed when a call starts, so that calls side by side see each other; the guess is put
    right when the call ends. So no more than the calls under way can pass a limit, each of them once.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        name: str = "run",
        parent: "Account | None" = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limits = limits
        self.name = name
        self.parent = parent
        self.depth: int = parent.depth + 1 if parent else 0
        self.key = ""
        self.calls = {"model_calls": 0, "tool_calls": 0}
        self.read = self.written = self.guessed = 0
        self.cost = self.guessed_cost = 0.0
        self.tasks: dict[str, Account] = {}
        """Below the run's account: what each task spends that is at work, or was interrupted."""
        self.carried: dict[str, Any] = {}
        """What such tasks had spent when the run was left, until they go on."""
        self._clock = clock
        self._started = clock()
        self._lock: threading.Lock = parent.lock if parent else threading.Lock()

    @property
    def lock(self) -> threading.Lock:
        """Return the lock that a whole run shares."""
        return self._lock

    @property
    def seconds(self) -> float:
        """Return how long this has been going on."""
        return self._clock() - self._started

    def seconds_left(self) -> float | None:
        """Return the time left to this account and all above it; None where nothing limits it."""
        left = [one.limits.seconds - one.seconds for one in self.line() if one.limits.seconds is not None]
        return max(0.0, min(left)) if left else None

    def line(self) -> Iterator["Account"]:
        """Yield this account and all above it."""
        one: Account | None = self
        while one is not None:
            yield one
            one = one.parent

    def take(self, what: str, count: int = 1, *, tokens: int = 0, cost: float = 0.0) -> None:
        """Count a call that is about to start, here and above.

        Raises:
            BudgetExceeded: it would pass a limit of one of them; nothing is counted.
        """
        with self._lock:
            for one in self.line():
                one.refuse(what, count)
            for one in self.line():
                one.calls[what] += count
                one.guessed += tokens
                one.guessed_cost += cost

    def give_back(self, what: str, count: int, *, tokens: int, cost: float) -> None:
        """Take back a call that was counted and then refused elsewhere."""
        with self._lock:
            for one in self.line():
                one.calls[what] -= count
                one.guessed -= tokens
                one.guessed_cost -= cost

    def settle(self, read: int, written: int, cost: float, *, tokens: int = 0, guessed_cost: float = 0.0) -> None:
        """Put what a call spent in the place of what it was thought to spend."""
        with self._lock:
            for one in self.line():
                one.guessed -= tokens
                one.guessed_cost -= guessed_cost
                one.read += read
                one.written += written
                one.cost += cost

    def spent(self) -> dict[str, Any]:
        """Return the sums as they can be carried to another process, with those of the tasks at work below."""
        sums: dict[str, Any] = {**self.calls, "read": self.read, "written": self.written, "cost": self.cost}
        tasks = {key: task.spent() for key, task in self.tasks.items()}
        return {**sums, "seconds": round(self.seconds, 3), "tasks": {**self.carried, **tasks}}

    def carry(self, spent: Mapping[str, Any]) -> None:
        """Go on counting from sums that this run, or task, had reached elsewhere."""
        with self._lock:
            for what in self.calls:
                self.calls[what] += spent.get(what, 0)
            self.read += spent.get("read", 0)
            self.written += spent.get("written", 0)
            self.cost += spent.get("cost", 0.0)
            self._started -= spent.get("seconds", 0.0)
            self.carried.update(spent.get("tasks", {}))

    def refuse(self, what: str = "", count: int = 0) -> None:
        """Raise where one more call, of this kind, would pass this account's own limit."""
        limits = self.limits
        most: int | None = getattr(limits, what) if what else None
        if most is not None and self.calls[what] + count > most:
            raise self._exceeded(f"{most} {what.replace('_', ' ')}", what)
        if limits.tokens is not None and self.read + self.written + self.guessed >= limits.tokens:
            raise self._exceeded(f"{limits.tokens} tokens", "tokens")
        if limits.cost is not None and self.cost + self.guessed_cost >= limits.cost:
            raise self._exceeded(f"{limits.cost:g} of money", "cost")
        self.refuse_late()

    def refuse_late(self) -> None:
        """Raise where this account's own time is over."""
        if self.limits.seconds is not None and self.seconds >= self.limits.seconds:
            raise self._exceeded(f"{self.limits.seconds:g} seconds", "seconds")

    def refuse_out_of_time(self, kept: float) -> None:
        """Raise where this account, or one above it, has no more than `kept` seconds left."""
        for one in self.line():
            if one.limits.seconds is not None and one.limits.seconds - one.seconds <= kept + 0.01:
                raise one._exceeded(f"{one.limits.seconds:g} seconds", "seconds")

    def _exceeded(self, limit: str, what: str) -> BudgetExceeded:
        if self.parent is None:
            fix = f"Ask for less at once, or raise budgets.max_{what}."
            return BudgetExceeded(f"This run reached its limit of {limit}.", fix=fix)
        return BudgetExceeded(f"{self.name} reached its limit of {limit}.", fix=f"Raise {what} in its row.")


_holder: ContextVar[Account | None] = ContextVar("twintrack_account", default=None)


def holder(root: Account) -> Account:
    """Return whose work this code is: the innermost task's of the run that `root` is the account of."""
    account = _holder.get()
    return account if account is not None and any(one is root for one in account.line()) else root


@contextmanager
def task_of(root: Account, name: str, limits: Limits, *, max_depth: int, step: str = "") -> Iterator[Account]:
    """Let what happens in the block be spent by a task of its own, within what the run has left.

    A task that is left by a wait for a person, or never, goes on where it stood when its run does.

    Raises:
        BudgetExceeded: the run is spent, or too many teams stand within each other.
    """
    above = holder(root)
    if above.depth >= max_depth:
        raise BudgetExceeded(
            f"{name} would be {above.depth + 1} teams deep, and {max_depth} are allowed.",
            fix="Flatten the table of agents, or raise budgets.max_depth.",
        )
    with root.lock:
        for one in above.line():
            one.refuse()
    account, key = Account(limits, name=name, parent=above), f"{above.key}/{name}:{step}"
    account.key = key
    if (spent := root.carried.pop(key, None)) is not None:
        account.carry(spent)
    root.tasks[key] = account
    token = _holder.set(account)
    try:
        yield account
    except (GraphBubbleUp, CancelledError):
        raise  # it may go on
    except BaseException:
        del root.tasks[key]
        raise
    else:
        del root.tasks[key]
    finally:
        _holder.reset(token)
