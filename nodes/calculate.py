"""Runs a calculation where it can reach nothing: no files, environment, network, and little time and memory."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pydantic_monty as monty

from twintrack.core.errors import InputError, Unavailable

SECONDS = 5.0
MEMORY_BYTES = 64 * 2**20
OUTPUT_CHARS = 4_000
DIGITS_BITS = 12_000
"""Longer whole numbers are refused before they are written out, which is slow."""


class Sandbox:
    """Runs small Python programs in worker processes of their own, started at the first run."""

    def __init__(self, *, processes: int = 2, seconds: float = SECONDS, memory_bytes: int = MEMORY_BYTES) -> None:
        self._processes = processes
        self._seconds = seconds
        self._limits = monty.ResourceLimits(
            max_feed_duration_secs=seconds,
            max_memory=memory_bytes,
            max_recursion_depth=200,
            max_suspensions=1_000,
            max_total_sleep_secs=0.0,
        )
        self._stack = AsyncExitStack()
        self._pool: monty.AsyncMonty | None = None
        self._starting = asyncio.Lock()

    async def run(self, code: str) -> str:
        """Return what `code` prints, then the value of its last expression.

        Raises:
            InputError: the code is wrong, asks for something outside, or exceeds a limit.
            Unavailable: no worker is free, or the worker died.
        """
        pool = await self._open()
        printed = monty.CollectString(OUTPUT_CHARS * 4)
        try:
            # The pool's own clocks end the code; this one also covers the wait for a free worker.
            async with asyncio.timeout(self._seconds * 4), pool.checkout(limits=self._limits) as session:
                value = await session.feed_run(code, print_callback=printed)
        except monty.MontyCrashedError as error:
            raise Unavailable("The calculation's process died.", fix="Try a smaller calculation.") from error
        except monty.MontyError as error:
            raise InputError(f"The calculation failed: {error}", fix="Correct the expression.") from error
        except TimeoutError as error:
            raise Unavailable("All calculators are busy.", fix="Try again later.") from error
        except ValueError as error:
            # A value that cannot leave the sandbox, such as a number of more digits than Python writes.
            raise InputError(f"The calculation's result cannot be shown: {error}", fix="Ask for less.") from error
        return _text(printed.output, value)

    async def aclose(self) -> None:
        """Stop the workers; a later run starts new ones."""
        stack, self._stack, self._pool = self._stack, AsyncExitStack(), None
        await stack.aclose()

    async def _open(self) -> monty.AsyncMonty:
        async with self._starting:
            if self._pool is None:
                pool = monty.AsyncMonty(
                    max_processes=self._processes,
                    checkout_timeout=self._seconds * 3,
                    request_timeout=self._seconds * 2,
                )
                self._pool = await self._stack.enter_async_context(pool)
            return self._pool


async def calculate(expression_or_code: str, *, seconds: float = SECONDS) -> str:
    """Compute once, in a sandbox of its own; keep a `Sandbox` for more than one calculation."""
    sandbox = Sandbox(processes=1, seconds=seconds)
    try:
        return await sandbox.run(expression_or_code)
    finally:
        await sandbox.aclose()


def _text(printed: str, value: Any) -> str:
    shown = "" if value is None else _shown(value)
    text = "\n".join(part for part in (printed.rstrip("\n"), shown) if part)
    return text if len(text) <= OUTPUT_CHARS else text[:OUTPUT_CHARS] + " … (cut)"


def _shown(value: Any) -> str:
    if isinstance(value, float):
        # Twelve digits hide the noise of binary fractions: 0.1 + 0.2 is 0.3.
        short = float(f"{value:.12g}")
        return str(int(short)) if short.is_integer() and abs(short) < 1e15 else repr(short)
    if isinstance(value, int) and value.bit_length() > DIGITS_BITS:
        raise InputError("The calculation's result has too many digits to be shown.", fix="Ask for less.")
    return str(value)
