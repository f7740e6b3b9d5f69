import asyncio
from typing import Any

import pytest

from twintrack.core.errors import Conflict
from twintrack.memory.checkpoint_flights import Flights


class Wire:
    """Answers when told to; knows the order in which things left."""

    def __init__(self) -> None:
        self.left: list[str] = []
        self.answers: dict[str, asyncio.Future[None]] = {}

    def send(self, name: str) -> Any:
        async def sending() -> None:
            self.left.append(name)
            self.answers[name] = asyncio.get_running_loop().create_future()
            await self.answers[name]

        return sending

    def answer(self, name: str, error: Exception | None = None) -> None:
        if error:
            self.answers[name].set_exception(error)
        else:
            self.answers[name].set_result(None)


def _at(name: str) -> tuple[str, str, str]:
    return ("t", "", name)


async def _turns(count: int = 6) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_version_is_waited_for_until_something_is_written_to_it() -> None:
    flights, wire = Flights(), Wire()
    first = asyncio.create_task(flights.put(_at("1"), _at(""), wire.send("1"), "at once"))
    await _turns()
    assert not first.done()

    writing = asyncio.create_task(flights.write(_at("1"), wire.send("w")()))
    await _turns()
    assert first.done()
    second = asyncio.create_task(flights.put(_at("2"), _at("1"), wire.send("2"), "at once"))
    await _turns()
    assert wire.left == ["1", "w", "2"]

    wire.answer("w")
    await _turns()
    assert not writing.done()
    wire.answer("1")
    await writing
    wire.answer("2")
    await second


async def test_what_is_written_before_a_version_leaves_waits_for_it_too() -> None:
    flights, wire = Flights(), Wire()
    writing = asyncio.create_task(flights.write(_at("1"), wire.send("w")()))
    await _turns()
    await flights.put(_at("1"), _at(""), wire.send("1"), "at once")
    await _turns()
    wire.answer("w")
    await _turns()
    assert not writing.done()
    wire.answer("1")
    await writing


async def test_an_input_leaves_with_what_follows_it() -> None:
    flights, wire = Flights(), Wire()
    given = asyncio.create_task(flights.put(_at("1"), _at(""), wire.send("1"), "held"))
    writing = asyncio.create_task(flights.write(_at("1"), wire.send("w")()))
    await _turns()
    assert wire.left == []

    following = asyncio.create_task(flights.put(_at("2"), _at("1"), wire.send("2"), "alone"))
    await _turns()
    assert sorted(wire.left) == ["1", "2", "w"]
    assert wire.left.index("1") < wire.left.index("2")
    for name in wire.left:
        wire.answer(name)
    await asyncio.gather(given, writing, following)


async def test_an_input_that_nothing_follows_leaves_by_itself() -> None:
    flights, wire = Flights(), Wire()
    given = asyncio.create_task(flights.put(_at("1"), _at(""), wire.send("1"), "held"))
    await asyncio.sleep(0.05)
    assert not given.done()
    wire.answer("1")
    await given


@pytest.mark.parametrize("handed_over", [True, False])
async def test_what_refuses_a_version_is_raised_where_it_is_waited_for(handed_over: bool) -> None:
    flights, wire = Flights(), Wire()
    putting = asyncio.create_task(flights.put(_at("1"), _at(""), wire.send("1"), "at once"))
    await _turns()
    writing = asyncio.create_task(flights.write(_at("1"), wire.send("w")())) if handed_over else putting
    await _turns()
    if handed_over:
        wire.answer("w")
    wire.answer("1", Conflict("no"))

    with pytest.raises(Conflict):
        await writing


async def test_a_version_that_overtook_its_parent_is_sent_again() -> None:
    flights, wire = Flights(), Wire()
    writing = asyncio.create_task(flights.write(_at("1"), wire.send("w")()))
    await _turns()
    await flights.put(_at("1"), _at(""), wire.send("1"), "at once")
    second = asyncio.create_task(flights.put(_at("2"), _at("1"), wire.send("2"), "at once"))
    await _turns()
    wire.answer("2", Conflict("not the newest"))
    await _turns()
    assert wire.left.count("2") == 1

    wire.answer("1")
    await _turns()
    assert wire.left.count("2") == 2
    wire.answer("2")
    await second
    wire.answer("w")
    await writing


async def test_a_version_whose_parent_was_refused_is_refused() -> None:
    flights, wire = Flights(), Wire()
    writing = asyncio.create_task(flights.write(_at("1"), wire.send("w")()))
    await _turns()
    await flights.put(_at("1"), _at(""), wire.send("1"), "at once")
    second = asyncio.create_task(flights.put(_at("2"), _at("1"), wire.send("2"), "at once"))
    await _turns()
    wire.answer("w")
    wire.answer("1", Conflict("stale"))
    wire.answer("2", Conflict("stale"))

    assert all(isinstance(end, Conflict) for end in await asyncio.gather(writing, second, return_exceptions=True))
    assert wire.left.count("2") == 1


async def test_a_run_that_waits_for_each_version_sends_them_as_before() -> None:
    flights, wire = Flights(), Wire()
    putting = asyncio.create_task(flights.put(_at("1"), _at(""), wire.send("1"), "alone"))
    await _turns()
    writing = asyncio.create_task(flights.write(_at("1"), wire.send("w")()))
    await _turns()
    assert not putting.done()
    wire.answer("w")
    wire.answer("1")
    await asyncio.gather(putting, writing)


async def test_a_run_that_is_cancelled_leaves_nothing_behind() -> None:
    flights, wire = Flights(), Wire()
    putting = asyncio.create_task(flights.put(_at("1"), _at(""), wire.send("1"), "at once"))
    await _turns()
    putting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await putting
    await _turns()
    writing = asyncio.create_task(flights.write(_at("1"), wire.send("w")()))
    await _turns()
    wire.answer("w")
    await writing


async def test_a_version_is_not_blamed_for_what_its_parent_met() -> None:
    flights, wire = Flights(), Wire()
    writing = asyncio.create_task(flights.write(_at("1"), wire.send("w")()))
    await _turns()
    await flights.put(_at("1"), _at(""), wire.send("1"), "at once")
    await _turns()
    wire.answer("w")
    wire.answer("1", ConnectionError("gone"))
    with pytest.raises(ConnectionError):
        await writing

    second = asyncio.create_task(flights.put(_at("2"), _at("1"), wire.send("2"), "alone"))
    await _turns()
    wire.answer("2", Conflict("not the newest"))
    with pytest.raises(ConnectionError):
        await second
