"""Entries of the record wait for a Redis that does not answer, and what is lost is counted."""

import asyncio
import logging
from collections.abc import Sequence

import pytest

from tests import virtual_time
from twintrack.core.audit_queue import AuditQueue


class Record:
    """Stands for Redis: takes entries, refuses them, or is silent."""

    def __init__(self) -> None:
        self.taken: list[int] = []
        self.answers, self.silent = True, False
        self.asked = 0

    async def send(self, entries: Sequence[int]) -> None:
        self.asked += 1
        if self.silent:
            await asyncio.Event().wait()
        if not self.answers:
            raise ConnectionError
        self.taken += entries


@pytest.mark.parametrize("how", ["refuses", "is silent"])
def test_entries_wait_until_redis_answers_again_and_are_written_in_order(
    how: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def outage() -> AuditQueue[int]:
        record = Record()
        queue = AuditQueue(record.send)
        record.answers, record.silent = how != "refuses", how == "is silent"
        for number in range(700):
            queue.put(number)
            if number % 100 == 0:
                await asyncio.sleep(1)
        await asyncio.sleep(60)
        assert (record.taken, queue.waiting) == ([], 700)
        assert record.asked < 20
        record.answers, record.silent = True, False
        await asyncio.sleep(30)
        assert record.taken == [*range(700)]
        return queue

    queue = virtual_time.run(outage())
    assert (queue.waiting, queue.lost) == (0, 0)
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(told) == 2
    assert "wait for Redis" in told[0]
    assert "700 waited, 0 are lost" in told[1]


def test_what_finds_no_room_is_counted_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    async def flood() -> None:
        record = Record()
        record.answers = False
        queue = AuditQueue(record.send, most=10)
        for number in range(15):
            queue.put(number)
        await queue.flush()
        assert (queue.waiting, queue.lost) == (10, 5)
        record.answers = True
        await queue.flush()
        assert record.taken == [*range(10)]

    virtual_time.run(flood())
    assert sum("lost to the record" in record.getMessage() for record in caplog.records) == 1


def test_what_still_waits_when_the_process_ends_is_counted_as_lost(caplog: pytest.LogCaptureFixture) -> None:
    async def end() -> None:
        record = Record()
        record.silent = True
        queue = AuditQueue(record.send)
        queue.put(1)
        queue.put(2)
        began = asyncio.get_running_loop().time()
        await queue.aclose()
        assert asyncio.get_running_loop().time() - began <= 6
        assert (queue.waiting, queue.lost) == (0, 2)

    virtual_time.run(end())
    assert "the process ends" in caplog.text


def test_what_is_dropped_is_not_written_later() -> None:
    async def erased() -> None:
        record = Record()
        record.answers = False
        queue = AuditQueue(record.send)
        for number in range(4):
            queue.put(number)
        await queue.flush()
        await queue.drop(lambda number: number % 2 == 0)
        record.answers = True
        await queue.flush()
        assert record.taken == [1, 3]

    virtual_time.run(erased())
