"""Runs one test on LangGraph's Redis saver, where it has to fail, and on ours, where it has to pass."""

from typing import Any

import pytest
from langgraph.checkpoint.redis.aio import AsyncRedisSaver

from twintrack.memory.checkpoints import VersionedRedisSaver

STOCK, OURS = "AsyncRedisSaver", "VersionedRedisSaver"


def both(*raises: type[BaseException], always: bool = True) -> pytest.MarkDecorator:
    """Parametrise `kind`; the stock saver has to fail, by an assertion unless another error is named.

    Where it does not fail always, the fault is a race that a slow machine may win.
    """
    return pytest.mark.parametrize("kind", [pytest.param(STOCK, marks=fails(*raises, always=always)), OURS])


def fails(*raises: type[BaseException], always: bool = True) -> pytest.MarkDecorator:
    return pytest.mark.xfail(strict=always, raises=raises or (AssertionError,), reason="a fault of AsyncRedisSaver")


async def opened(kind: str, client: Any, **options: Any) -> Any:
    """Open a saver of this kind."""
    if kind == OURS:
        return VersionedRedisSaver(redis_client=client, **options)
    saver = AsyncRedisSaver(redis_client=client, **options)
    await saver.asetup()
    return saver
