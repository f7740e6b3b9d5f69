"""An event loop whose waits take no time: its clock jumps to whatever comes next."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
_LOOK_AGAIN = 0.05


class _Selector(selectors.DefaultSelector):
    """Instead of waiting for a time, moves the clock; threads at work are waited for as they are."""

    now = 0.0
    at_work = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if self.at_work or timeout is None:
            return super().select(_LOOK_AGAIN if timeout is None else min(timeout, _LOOK_AGAIN))
        found = super().select(0)
        if not found:
            self.now += timeout
        return found


class VirtualTime(asyncio.SelectorEventLoop):
    """Give `asyncio.sleep` and `asyncio.timeout` a clock of their own."""

    def __init__(self) -> None:
        self._clock = _Selector()
        super().__init__(self._clock)

    def time(self) -> float:
        return self._clock.now

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        future = super().run_in_executor(executor, func, *args)
        self._clock.at_work += 1
        future.add_done_callback(self._rested)
        return future

    def _rested(self, _: Any) -> None:
        self._clock.at_work -= 1


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end without any real waiting."""
    with asyncio.Runner(loop_factory=VirtualTime) as runner:
        return runner.run(work)
