"""Turns on their way to Redis: noted in memory, written once when they have ended, from a thread of its own."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import suppress
from functools import lru_cache, partial
from typing import Any

from langchain_core.callbacks import BaseCallbackHandler

from twintrack.core.step_recorder import StepRecorder
from twintrack.core.trace_ids import root_span_id
from twintrack.core.trace_labels import Mask, label
from twintrack.core.trace_mask import masked_text
from twintrack.core.traces import Owner, TraceSpan, TraceStore
from twintrack.core.turn_info import TurnInfo

log = logging.getLogger("twintrack.tracing")

_QUEUED_TURNS = 500
_SECONDS = 5.0
_TOGETHER_S = 0.1
"""Seconds that an ended turn waits for others to be written with: waking the thread costs as much as a turn's notes."""
_MESSAGE_CHARS = 500
_NAMES = 1024


class LocalTurn:
    """One run being noted."""

    def __init__(self, info: TurnInfo, write: Callable[["LocalTurn"], None]) -> None:
        first = f"{root_span_id(info.trace_id):016x}"
        again = f"{root_span_id(f'{info.trace_id}{time.time_ns()}'):016x}"
        self.info = info
        self.trace_id = info.trace_id
        self.span = again if info.resumes else first
        self.parent = first if info.resumes else None
        self.recorder = StepRecorder(self.span)
        self.handler: BaseCallbackHandler = self.recorder
        self.spans: Sequence[TraceSpan] = ()
        self._start = time.time()
        self._write = write

    def enter(self) -> None:
        """Nothing to do: a note has no context."""

    def leave(self) -> None:
        """Nothing to do: a note has no context."""

    def end(self, labels: Mapping[str, str], output: Any, level: str | None, message: str | None) -> None:
        """Queue the notes; `output` is not kept."""
        del output
        root = TraceSpan(
            id=self.span,
            parent=self.parent,
            name=self.info.name,
            type="agent",
            start=self._start,
            end=time.time(),
            level=level or "DEFAULT",
            message=message or "",
            labels=dict(labels),
        )
        self.spans = [*self.recorder.unfinished(), root]
        self._write(self)


class LocalTurns:
    """Writes ended turns to the trace store; a Redis that does not answer costs traces, never a run."""

    def __init__(self, store: TraceStore, mask: Mask) -> None:
        self.store = store
        self.mask = mask
        # The steps of a graph bear the same few names in every turn, and most turns the same labels.
        self._name = lru_cache(_NAMES)(partial(masked_text, mask=mask))
        self._user = lru_cache(_NAMES)(partial(label, mask=mask))
        self._failing = False
        self._lock = threading.Lock()
        self._queued: list[LocalTurn] = []
        self._writing: set[Future[None]] = set()
        self._unwritten = 0
        self._hurry = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="twintrack-traces", daemon=True)
        self._thread.start()

    def begin(self, info: TurnInfo, given: Any) -> LocalTurn:
        """Begin the notes of a run; `given` is not kept."""
        del given
        return LocalTurn(info, self._queue)

    def flush(self) -> None:
        """Write what is queued now, and wait for that."""
        if writing := set(self._writing):
            self._loop.call_soon_threadsafe(self._hurry.set)
            wait(writing, _SECONDS)

    def close(self) -> None:
        """Write what is queued, close this loop's Redis connections and end its thread."""
        self.flush()
        with suppress(Exception):  # a Redis that is gone needs no goodbye
            asyncio.run_coroutine_threadsafe(self.store.source.aclose(), self._loop).result(_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_SECONDS)
        if not self._thread.is_alive():
            self._loop.close()

    def _queue(self, turn: LocalTurn) -> None:
        with self._lock:
            if self._unwritten >= _QUEUED_TURNS:
                self._tell("more turns wait to be written than fit")
                return
            self._unwritten += 1
            self._queued.append(turn)
            if len(self._queued) > 1:
                return  # goes with the one before it
            future = asyncio.run_coroutine_threadsafe(self._write_soon(), self._loop)
            self._writing.add(future)
        future.add_done_callback(self._writing.discard)

    async def _write_soon(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_TOGETHER_S):
                await self._hurry.wait()
        self._hurry.clear()
        with self._lock:
            turns, self._queued = self._queued, []
        try:
            await asyncio.gather(*map(self._write, turns))
        finally:
            with self._lock:
                self._unwritten -= len(turns)

    async def _write(self, turn: LocalTurn) -> None:
        info = turn.info
        session, user = label(info.thread_id, self.mask), self._user(info.identity.user_id)
        for span in turn.spans:
            self._mask(span, session, user)
        try:
            await self.store.add(turn.trace_id, Owner(info.identity, info.thread_id), turn.spans)
            self._failing = False
        except Exception as error:  # noqa: BLE001 (declared boundary: tracing never breaks a run)
            self._tell(f"{type(error).__name__}: {error}")

    def _mask(self, span: TraceSpan, session: str, user: str) -> None:
        span.name = self._name(span.name)
        span.message = masked_text(span.message, self.mask)[:_MESSAGE_CHARS] if span.message else ""
        span.labels = {name: self._name(text) for name, text in span.labels.items()}
        span.session, span.user = session, user

    def _tell(self, reason: str) -> None:
        if not self._failing:
            log.warning("Traces do not reach Redis; they are lost; runs go on. %s", reason)
        self._failing = True
