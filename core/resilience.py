"""One place where a failed call to the outside is tried again."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import stamina
import stamina.instrumentation

T = TypeVar("T")
Worth = Callable[[Exception], bool | float]
"""Whether an error deserves another attempt; a number is the wait the other side asked for, in seconds."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How often and how long one call is tried."""

    attempts: int = 3
    attempt_seconds: float = 30.0
    total_seconds: float = 60.0
    wait_first: float = 0.2
    """Seconds before the second attempt; each further wait is twice as long, with jitter."""
    wait_most: float = 10.0


def log_retries_with_logging() -> None:
    """Send news of retries to the `logging` module, for programs whose standard output is data.

    Where structlog is installed and not set up, stamina's own choice prints them to standard output.
    """
    stamina.instrumentation.set_on_retry_hooks([stamina.instrumentation.LoggingOnRetryHook])


def waits() -> bool:
    """Tell whether waits are waited: not where `stamina.set_testing(True)` has taken them out."""
    return not stamina.is_testing()


async def retrying(call: Callable[[], Awaitable[T]], *, worth: Worth, limits: Limits) -> T:
    """Await `call` until it succeeds, fails for good, or a limit is reached.

    Waits grow with jitter; `stamina.set_testing(True, attempts=n, cap=True)` removes them.

    Raises:
        TimeoutError: an attempt, or all of them together, took too long.
    """

    def patient(error: Exception) -> bool | float:
        wait = worth(error)
        return False if wait is not True and wait > limits.total_seconds else wait

    attempts = partial(
        stamina.retry_context,
        on=patient,
        attempts=limits.attempts,
        timeout=limits.total_seconds,
        wait_initial=limits.wait_first,
        wait_max=limits.wait_most,
    )
    async with asyncio.timeout(limits.total_seconds):
        try:
            return await _once(call, limits)
        except Exception as error:  # noqa: BLE001 - raised again below, where it is said whether another attempt follows
            failed: Exception | None = error
        # Only now: what counts attempts costs more than many a call that is answered at once.
        async for attempt in attempts():
            with attempt:
                if failed is not None:
                    first, failed = failed, None
                    raise first
                return await _once(call, limits)
    raise AssertionError("the last attempt returns or raises")


async def _once(call: Callable[[], Awaitable[T]], limits: Limits) -> T:
    async with asyncio.timeout(limits.attempt_seconds):
        return await call()
