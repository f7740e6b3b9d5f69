"""Waits until something has happened, however slow the machine is; only a test that hangs runs out of time."""

import asyncio
from collections.abc import Awaitable, Callable

PATIENCE_S = 100
"""Less than a test may take."""


async def until(happened: Callable[[], bool | Awaitable[bool]]) -> None:
    """Look again and again until it has."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            seen = happened()
            if seen if isinstance(seen, bool) else await seen:
                return
            await asyncio.sleep(0.01)
