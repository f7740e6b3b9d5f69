"""Questions that wait at one moment are encoded in one pass, ahead of documents; who gives up disturbs nobody."""

import asyncio
import threading
import time
from unittest.mock import Mock

import numpy as np
import pytest

from tests.waiting import PATIENCE_S, until
from twintrack.core import local_encoder
from twintrack.core.local_encoder import DIMS, GATHER_S, MANY, PASS, LocalEncoder, Order, Vector


class Slow(LocalEncoder):
    """Takes its time over each pass, and notes what is in it."""

    def __init__(self) -> None:
        super().__init__()
        self.passes: list[list[str]] = []

    def _vectors(self, texts: list[str]) -> Vector:
        self.passes.append(texts)
        time.sleep(0.15)
        return np.array([[float(text.removeprefix("q"))] * DIMS for text in texts], np.float32)


class Held(Slow):
    """Ends no pass before it may."""

    def __init__(self) -> None:
        super().__init__()
        self.going = threading.Event()

    def _vectors(self, texts: list[str]) -> Vector:
        vectors = super()._vectors(texts)
        self.going.wait(PATIENCE_S)
        return vectors


async def test_each_gets_its_own_vector_out_of_a_shared_pass() -> None:
    encoder = Slow()
    rows = await asyncio.gather(*(encoder.encode([f"{number}"]) for number in range(2 * PASS)))
    assert [float(row[0, 0]) for row in rows] == [*map(float, range(2 * PASS))]
    assert len(encoder.passes) <= 3


async def test_a_question_goes_ahead_of_documents_that_wait() -> None:
    encoder = Slow()
    reading = asyncio.create_task(encoder.encode([f"{number}" for number in range(4 * PASS)]))
    await asyncio.sleep(0.02)
    await encoder.encode(["q7"])
    assert not reading.done()
    assert ["q7"] in encoder.passes[:3]
    assert (await reading)[:, 0].tolist() == [*map(float, range(4 * PASS))]


async def test_who_gives_up_disturbs_nobody() -> None:
    encoder = Slow()
    given_up = asyncio.create_task(encoder.encode([f"{number}" for number in range(3 * PASS)]))
    await asyncio.sleep(0.02)
    given_up.cancel()
    assert (await encoder.encode(["q7"]))[0, 0] == 7
    with pytest.raises(asyncio.CancelledError):
        await given_up


async def test_a_pass_wakes_those_who_wait_for_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder, loop = Slow(), asyncio.get_running_loop()
    woken = Mock(wraps=loop.call_soon_threadsafe)
    monkeypatch.setattr(loop, "call_soon_threadsafe", woken)
    await asyncio.gather(*(encoder.encode([f"{number}"]) for number in range(2 * PASS)))
    assert woken.call_count == len(encoder.passes)


async def test_where_many_ask_a_moment_is_waited_for_more_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder, clock = Held(), Mock()
    monkeypatch.setattr(local_encoder, "time", clock)
    first = asyncio.create_task(encoder.encode(["0"]))
    await until(lambda: bool(encoder.passes))
    many = [asyncio.create_task(encoder.encode([f"{number}"])) for number in range(MANY)]
    await asyncio.sleep(0)
    encoder.going.set()
    await asyncio.gather(first, *many)
    await encoder.encode([f"{number}" for number in range(PASS)])
    for alone in ("7", "8"):  # the second begins when all that follows the pass of the first is over
        await encoder.encode([alone])
    assert [len(texts) for texts in encoder.passes] == [1, MANY, PASS, 1, 1]
    clock.sleep.assert_called_once_with(GATHER_S)


@pytest.mark.parametrize(("coming", "waits"), [([], 1), ([1, 2, 0], 3), ([1] * PASS, PASS // 2)])
async def test_more_questions_are_waited_for_as_long_as_they_come(
    coming: list[int], waits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder, clock, arrivals = LocalEncoder(), Mock(), iter(coming)
    order = Order(["1"], asyncio.get_running_loop())
    clock.sleep.side_effect = lambda _: encoder._questions.extend([(order, 0)] * next(arrivals, 0))
    monkeypatch.setattr(local_encoder, "time", clock)
    encoder._gather()
    assert clock.sleep.call_count == waits


async def test_an_event_loop_that_was_closed_meanwhile_keeps_nobody_waiting() -> None:
    encoder, gone = Slow(), asyncio.new_event_loop()
    first = asyncio.create_task(encoder.encode(["1"]))
    await asyncio.sleep(0.02)
    encoder._questions.append((Order(["2"], gone), 0))
    gone.close()
    assert (await encoder.encode(["3"]))[0, 0] == 3
    assert encoder.passes[1:] == [["2", "3"]]
    await first


async def test_an_error_reaches_all_who_wait_for_its_pass_and_nobody_else() -> None:
    encoder = Slow()
    await encoder.encode(["1"])
    with pytest.raises(ValueError, match="x"):
        await encoder.encode(["x"])
    assert (await encoder.encode(["2"]))[0, 0] == 2
