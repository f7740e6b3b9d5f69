"""What a task wrote leaves with the version that follows it, or by itself."""

import asyncio

import pytest

from twintrack.core.errors import Conflict, UnknownThread
from twintrack.memory.checkpoint_riders import Riders, carried

AT = ("t", "", "1")


async def test_writes_are_stored_with_the_version_that_follows() -> None:
    riders = Riders()
    rider = riders.join(AT, [], [])
    boarded = riders.board(AT)
    await carried(lambda: asyncio.sleep(0), boarded)

    assert boarded == [rider]
    assert await rider.ended is True
    assert riders.board(AT) == []


async def test_writes_that_nothing_follows_leave_by_themselves() -> None:
    riders = Riders()
    assert await asyncio.wait_for(riders.join(AT, [], []).ended, 5) is False
    assert riders.board(AT) == []


@pytest.mark.parametrize(("error", "stored"), [(Conflict("late"), True), (UnknownThread("not yours"), False)])
async def test_a_refused_version_tells_whether_its_riders_were_stored(error: Exception, stored: bool) -> None:
    riders = Riders()
    rider = riders.join(AT, [], [])

    async def refused() -> None:
        raise error

    with pytest.raises(type(error)):
        await carried(refused, riders.board(AT))
    assert await rider.ended is stored


async def test_writes_that_found_a_version_leave_no_timer_behind() -> None:
    riders = Riders()
    rider = riders.join(("t", "", "1"), [], [])
    assert riders.board(("t", "", "1")) == [rider]
    assert rider.timer is not None
    assert rider.timer.cancelled()
