"""The shipped encoder, one copy per process: texts that wait at the same moment are read in one pass of its weights."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

DIMS = 512
PASS = 16
"""Texts of one pass: reading the weights costs as much as a short text, and more texts gain little."""
MANY = 4
"""Questions of one pass from which more are expected."""
GATHER_S = 0.004
"""Seconds in which the next of them comes; where none did, or half a pass is there, no more is waited for."""

Vector = NDArray[np.float32]


class Order:
    """Texts that one caller waits for."""

    def __init__(self, texts: Sequence[str], loop: asyncio.AbstractEventLoop) -> None:
        self.texts = texts
        self.rows = np.empty((len(texts), DIMS), np.float32)
        self.left = len(texts)
        self.loop = loop
        self.done: asyncio.Future[Vector] = loop.create_future()


class LocalEncoder:
    """Encodes in a thread of its own; a single text, a question, goes ahead of many, which are documents."""

    def __init__(self) -> None:
        self._questions: deque[tuple[Order, int]] = deque()
        self._documents: deque[tuple[Order, int]] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="encoder")
        self._turn = threading.Lock()
        self._at_work = False
        self._model: Any = None

    async def encode(self, texts: Sequence[str]) -> Vector:
        """Return one row per text."""
        order = Order(texts, asyncio.get_running_loop())
        waiting = self._questions if len(texts) == 1 else self._documents
        with self._turn:
            waiting.extend((order, place) for place in range(len(texts)))
            begin, self._at_work = not self._at_work, True
        if begin:
            self._thread.submit(self._work)
        return await order.done

    def _work(self) -> None:
        while taken := self._take():
            questions = [order for order, _ in taken if len(order.texts) == 1]
            try:
                vectors = self._vectors([order.texts[place] for order, place in taken])
            except Exception as error:  # noqa: BLE001 - handed to who waits
                _hand_over({order: error for order, _ in taken})
            else:
                _hand_over(dict.fromkeys(_filled(taken, vectors)))
            if len(questions) >= MANY:
                self._gather()

    def _gather(self) -> None:
        """Wait while more questions come: where many ask, processors are short, and one of eight costs half as much."""
        before = -1
        while before < len(self._questions) < PASS // 2:
            before = len(self._questions)
            time.sleep(GATHER_S)

    def _take(self) -> list[tuple[Order, int]]:
        """Return what is encoded next, without what nobody waits for any more; nothing ends the thread's work."""
        while True:
            with self._turn:
                waiting = self._questions or self._documents
                taken = [waiting.popleft() for _ in range(min(PASS, len(waiting)))]
                self._at_work = bool(taken)
            wanted = [one for one in taken if not one[0].done.done()]
            if wanted or not taken:
                return wanted

    def _vectors(self, texts: list[str]) -> Vector:
        if self._model is None:
            from twintrack.core.token_memory import TokenMemory

            self._model = TokenMemory.open()
        return np.asarray(self._model.encode(texts), np.float32)


def _filled(taken: Sequence[tuple[Order, int]], vectors: Vector) -> list[Order]:
    """Put each vector where it belongs, and return the orders that are whole."""
    for (order, place), vector in zip(taken, vectors, strict=True):
        order.rows[place] = vector
        order.left -= 1
    return [order for order, _ in taken if not order.left]


def _hand_over(ended: dict[Order, Exception | None]) -> None:
    """Tell those who wait, once for each of their event loops: each time wakes a loop and waits for it."""
    for loop in {order.loop for order in ended}:
        own = {order: error for order, error in ended.items() if order.loop is loop}
        with suppress(RuntimeError):  # it is closed, and nobody waits
            loop.call_soon_threadsafe(_settle, own)


def _settle(ended: dict[Order, Exception | None]) -> None:
    for order, error in ended.items():
        if order.done.done():  # nobody waits any more
            continue
        if error:
            order.done.set_exception(error)
        else:
            order.done.set_result(order.rows)
