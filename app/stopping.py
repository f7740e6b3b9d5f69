"""Runs what a command does so that Ctrl-C, SIGTERM and the end of its terminal end it alike: closed in order, nothing lost."""

import asyncio
import signal
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

Result = TypeVar("Result")


ENDINGS = (signal.SIGTERM, signal.SIGHUP)
"""How service managers ask a process to end, and how a terminal that is closed does."""


class Terminated(KeyboardInterrupt):
    """The process was asked to end, as `kill` and service managers ask, or lost its terminal."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__()
        self.number = number


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run the work to its end.

    Raises:
        KeyboardInterrupt: Ctrl-C ended it.
        Terminated: SIGTERM did, or the end of its terminal.
    """
    if threading.current_thread() is not threading.main_thread():
        return asyncio.run(work)
    with _interruptible():
        return asyncio.run(_heeding(work))


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C cancel what asyncio runs, unless the process was started to ignore it."""
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


async def _heeding(work: Coroutine[Any, Any, Result]) -> Result:
    """Cancel the work where the process is asked to end, whatever Ctrl-C means to it meanwhile."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    told: list[signal.Signals] = []

    def end(number: signal.Signals) -> None:
        told.append(number)
        task.cancel()  # type: ignore[union-attr] # a coroutine runs in a task

    heeded = [number for number in ENDINGS if signal.getsignal(number) is not signal.SIG_IGN]  # `nohup` ignores one
    for number in heeded:
        loop.add_signal_handler(number, end, number)
    try:
        return await work
    except asyncio.CancelledError:
        if told:
            raise Terminated(told[0]) from None
        raise
    finally:
        for number in heeded:
            loop.remove_signal_handler(number)
