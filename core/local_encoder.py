"""The shipped encoder, one copy per process: texts that wait at the same moment are read in one pass of its weights."""

import asyncio
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

DIMS = 512
PASS = 16
"""Texts of one pass: reading the weights costs as much as a short text, and more texts gain little."""

Vector = NDArray[np.float32]


class Order:
    """Texts that one caller waits for."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = texts
        self.rows = np.empty((len(texts), DIMS), np.float32)
        self.left = len(texts)
        self.done: Future[Vector] = Future()


class LocalEncoder:
    """Encodes in a thread of its own; a single text, a question, goes ahead of many, which are documents."""

    def __init__(self) -> None:
        self._questions: deque[tuple[Order, int]] = deque()
        self._documents: deque[tuple[Order, int]] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="encoder")
        self._model: Any = None

    async def encode(self, texts: Sequence[str]) -> Vector:
        """Return one row per text."""
        order = Order(texts)
        waiting = self._questions if len(texts) == 1 else self._documents
        waiting.extend((order, place) for place in range(len(texts)))
        self._thread.submit(self._work)
        return await asyncio.wrap_future(order.done)

    def _work(self) -> None:
        while taken := self._take():
            try:
                vectors = self._vectors([order.texts[place] for order, place in taken])
            except Exception as error:  # noqa: BLE001 - handed to who waits
                _fail(taken, error)
            else:
                _hand_over(taken, vectors)

    def _take(self) -> list[tuple[Order, int]]:
        """Return what is encoded next, without what nobody waits for any more."""
        waiting = self._questions or self._documents
        taken = [waiting.popleft() for _ in range(min(PASS, len(waiting)))]
        return [one for one in taken if not one[0].done.cancelled()] or (self._take() if taken else [])

    def _vectors(self, texts: list[str]) -> Vector:
        if self._model is None:
            from twintrack.core.token_memory import TokenMemory

            self._model = TokenMemory.open()
        return np.asarray(self._model.encode(texts), np.float32)


def _hand_over(taken: Sequence[tuple[Order, int]], vectors: Vector) -> None:
    for (order, place), vector in zip(taken, vectors, strict=True):
        order.rows[place] = vector
        order.left -= 1
        if not order.left and order.done.set_running_or_notify_cancel():
            order.done.set_result(order.rows)


def _fail(taken: Sequence[tuple[Order, int]], error: Exception) -> None:
    for order, _ in taken:
        if not order.done.done() and order.done.set_running_or_notify_cancel():
            order.done.set_exception(error)
