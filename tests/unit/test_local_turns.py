"""Ended turns are written together, at once where somebody waits for it, and no more of them are held than fit."""

import asyncio
import logging
from collections.abc import Iterator, Sequence
from typing import Any, cast

import pytest

from twintrack.core.context import Identity
from twintrack.core.local_turns import _QUEUED_TURNS, LocalTurns
from twintrack.core.trace_labels import unmasked
from twintrack.core.traces import Owner, TraceSpan, TraceStore
from twintrack.core.turn_info import TurnInfo


class Kept:
    """Stands where Redis is."""

    def __init__(self) -> None:
        self.source = self
        self.traces: list[str] = []

    async def add(self, trace_id: str, owner: Owner, spans: Sequence[TraceSpan]) -> None:
        assert owner.thread_id == spans[0].session == "t"
        self.traces.append(trace_id)

    async def aclose(self) -> None: ...


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def turns(kept: Kept) -> Iterator[LocalTurns]:
    made = LocalTurns(cast(TraceStore, kept), unmasked)
    yield made
    made.close()


def end(turns: LocalTurns, number: int) -> None:
    info = TurnInfo(name="turn", thread_id="t", identity=Identity(), trace_id=f"{number:032x}")
    turns.begin(info, None).end({}, None, None, None)


def ended(kept: Kept) -> list[int]:
    return [int(name, 16) for name in kept.traces]


def test_what_waits_is_written_when_somebody_asks(turns: LocalTurns, kept: Kept) -> None:
    for number in range(3):
        end(turns, number)
    turns.flush()
    assert ended(kept) == [0, 1, 2]


def test_turns_that_end_after_a_write_are_written_too(turns: LocalTurns, kept: Kept) -> None:
    for number in range(3):
        end(turns, number)
        turns.flush()
        turns.flush()
    assert ended(kept) == [0, 1, 2]


def test_turns_that_end_together_are_written_by_one_task(turns: LocalTurns) -> None:
    begun: list[str] = []

    def begin(loop: asyncio.AbstractEventLoop, work: Any, **named: Any) -> asyncio.Task[Any]:
        begun.append(work.__qualname__)
        return asyncio.Task(work, loop=loop, **named)

    turns._loop.set_task_factory(begin)
    for number in range(3):
        end(turns, number)
    turns.flush()
    assert begun.count("LocalTurns._write_soon") == 1


def test_no_more_turns_are_held_than_fit(turns: LocalTurns, kept: Kept, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), turns._lock:
        turns._unwritten = _QUEUED_TURNS
    end(turns, 1)
    turns.flush()
    assert not kept.traces
    assert "more turns wait to be written than fit" in caplog.text
