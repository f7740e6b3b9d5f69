"""Runs what a command does so that Ctrl-C and SIGTERM end it alike: closed in order, nothing lost."""

import asyncio
import signal
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

Result = TypeVar("Result")


class Terminated(KeyboardInterrupt):
    """The process was asked to end, as `kill` and service managers ask."""


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run the work to its end.

    Raises:
        KeyboardInterrupt: Ctrl-C ended it.
        Terminated: SIGTERM did.
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
    """Cancel the work at SIGTERM, whatever Ctrl-C means to it meanwhile."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    is_told = False

    def end() -> None:
        nonlocal is_told
        is_told = True
        task.cancel()  # type: ignore[union-attr] # a coroutine runs in a task

    loop.add_signal_handler(signal.SIGTERM, end)
    try:
        return await work
    except asyncio.CancelledError:
        if is_told:
            raise Terminated from None
        raise
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
