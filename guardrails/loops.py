"""Recognises a run that goes in circles: the same call again, two calls in turn, or results that never change."""

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopLimits:
    """How often is too often."""

    repeats: int = 3
    """Equal calls with equal results, over all branches; the next one is refused."""
    pairs: int = 2
    """Times that two calls may take turns."""
    unchanged: int = 6
    """Results in a row, on one branch, that are all the same whatever was asked."""


@dataclass(slots=True)
class _Branch:
    calls: deque[Hashable]
    result: Hashable = None
    unchanged: int = 0


@dataclass(slots=True)
class Loops:
    """Watches the calls of one run.

    A call whose result has changed since is no repetition: who polls until something happens makes progress.
    """

    limits: LoopLimits = field(default_factory=LoopLimits)
    _counts: dict[Hashable, int] = field(default_factory=dict)
    _results: dict[Hashable, Hashable] = field(default_factory=dict)
    _branches: dict[Hashable, _Branch] = field(default_factory=dict)

    def refusal(self, branch: Hashable, name: str, arguments: Hashable) -> str:
        """Note a call that is about to start; return why it leads nowhere, or nothing."""
        call = (name, arguments)
        mine = self._branch(branch)
        whole = self._branch(None)
        why = self._why(call, name, mine) or ("" if mine is whole else self._takes_turns(call, whole))
        if not why:
            self._counts[call] = self._counts.get(call, 0) + 1
            mine.calls.append(call)
            if mine is not whole:
                whole.calls.append(call)
        return why

    def came_back(self, branch: Hashable, name: str, arguments: Hashable, result: Hashable) -> None:
        """Note what a call gave back."""
        call = (name, arguments)
        if call in self._results and self._results[call] != result:
            self._counts[call] = 1
            for one in self._branches.values():
                one.calls.clear()
        self._results[call] = result
        mine = self._branch(branch)
        mine.unchanged = mine.unchanged + 1 if mine.result == result else 1
        mine.result = result

    def _why(self, call: Hashable, name: str, mine: _Branch) -> str:
        if self._counts.get(call, 0) >= self.limits.repeats:
            return f"{name} was called {self.limits.repeats} times with the same arguments and gave the same result."
        if mine.unchanged >= self.limits.unchanged:
            return f"The last {mine.unchanged} calls before {name} all gave the same result."
        return self._takes_turns(call, mine)

    def _takes_turns(self, call: Hashable, branch: _Branch) -> str:
        """Tell whether two calls have had all their turns, and this one would begin another."""
        last, length = [*branch.calls], 2 * self.limits.pairs
        if len(last) < length or call != last[0] or last[0] == last[1]:
            return ""
        turns = all(one == last[place % 2] for place, one in enumerate(last))
        return f"Two calls took turns {self.limits.pairs} times." if turns else ""

    def _branch(self, name: Hashable) -> _Branch:
        if name not in self._branches:
            self._branches[name] = _Branch(deque(maxlen=2 * self.limits.pairs))
        return self._branches[name]
