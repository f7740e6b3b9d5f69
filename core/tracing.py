"""Traces every step of a turn, to Langfuse and to Redis, and never breaks or slows a run."""

import asyncio
import atexit
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any, Protocol

from langchain_core.callbacks import BaseCallbackHandler

from twintrack.core.langfuse_variables import LangfuseVariables, load_langfuse_variables
from twintrack.core.local_turns import LocalTurns
from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import TracingSettings
from twintrack.core.trace_ids import trace_id_of
from twintrack.core.trace_labels import Mask, unmasked
from twintrack.core.traces import TraceStore
from twintrack.core.turn_info import TurnInfo

__all__ = ["Tracer", "Turn", "TurnInfo", "current_trace_id", "trace_id_of"]

log = logging.getLogger("twintrack.tracing")
FLUSHING = "twintrack-traces-flush"
"""Name of the threads that send what is left; one that is no longer waited for goes on until its server answers."""
_current: ContextVar[str | None] = ContextVar("twintrack_trace_id", default=None)


def current_trace_id() -> str | None:
    """Return the trace id of the run this code is part of; inside nodes, tools and models."""
    return _current.get()


class TurnRecord(Protocol):
    """One run as one destination sees it."""

    handler: BaseCallbackHandler
    trace_id: str

    def enter(self) -> None:
        """Begin a piece of the run."""
        ...

    def leave(self) -> None:
        """End a piece of the run; the caller's own code goes on."""
        ...

    def end(self, labels: Mapping[str, str], output: Any, level: str | None, message: str | None) -> None:
        """Close the record with what the run came to."""
        ...


class Turns(Protocol):
    """One destination of traces."""

    def begin(self, info: TurnInfo, given: Any) -> TurnRecord:
        """Open the record of a run."""
        ...

    def flush(self) -> None:
        """Send what is queued."""
        ...

    def close(self) -> None:
        """Send what is queued and stop."""
        ...


class Turn:
    """One traced run; `enter` and `leave` surround each piece of its work, so that callers see none of it."""

    def __init__(self, records: Sequence[TurnRecord]) -> None:
        self.handlers = [record.handler for record in records]
        self.trace_id = records[0].trace_id
        self._records = records
        self._outside: str | None = None

    @property
    def output(self) -> Any:
        """Return what the run came to."""
        return getattr(self.handlers[0], "output", None)

    @property
    def interrupted(self) -> bool:
        """Tell whether the run waits for an answer."""
        return bool(getattr(self.handlers[0], "interrupted", False))

    def enter(self) -> None:
        """Begin a piece of the run."""
        self._outside = _current.get()
        _current.set(self.trace_id)
        for record in self._records:
            record.enter()

    def leave(self) -> None:
        """End a piece of the run; the caller's own code goes on."""
        for record in self._records:
            record.leave()
        _current.set(self._outside)

    def end(self, labels: Mapping[str, str]) -> None:
        """Close a run that came to its end."""
        self._end(labels, None, None)

    def fail(self, error: BaseException, labels: Mapping[str, str] | None = None) -> None:
        """Close a run that broke."""
        self._end({"status": "failed", **(labels or {})}, "ERROR", str(error) or type(error).__name__)

    def stop(self, reason: str) -> None:
        """Close a run that its caller gave up."""
        self._end({"status": "stopped"}, "WARNING", reason)

    def _end(self, labels: Mapping[str, str], level: str | None, message: str | None) -> None:
        for record in self._records:
            try:
                record.end(labels, self.output, level, message)
            except Exception:
                log.exception("A trace could not be closed.")


class Tracer:
    """Traces runs to Langfuse, to Redis, to both or nowhere; opening one does no I/O."""

    def __init__(
        self,
        settings: TracingSettings,
        *,
        source: RedisSource | None = None,
        mask: Mask | None = None,
        variables: LangfuseVariables | None = None,
    ) -> None:
        self.settings = settings
        self.variables = variables or load_langfuse_variables()
        self.mask = mask if mask and settings.mask else unmasked
        self.store = TraceStore(source, keep=settings.keep_local, keep_days=settings.keep_days) if source else None
        self._keeps = self.store is not None and settings.keep_local > 0
        self._lock = threading.Lock()
        self._turns: list[Turns] = []
        self._closed = False

    @property
    def enabled(self) -> bool:
        """Tell whether runs are traced at all."""
        return self.variables.tracing_enabled and not self._closed and (self.variables.has_keys or self._keeps)

    async def begin(self, info: TurnInfo, given: Any) -> Turn | None:
        """Open the records of a run; None where that failed, and the run goes on untraced."""
        try:
            if not self._turns:
                await asyncio.to_thread(self._start)
            records = [turns.begin(info, given) for turns in self._turns]
            return Turn(records) if records else None
        except Exception:
            log.exception("A run is not traced.")
            return None

    def flush(self, seconds: float = 5.0) -> None:
        """Send what is queued, waiting no longer than `seconds`."""
        _bounded([turns.flush for turns in self._turns], seconds)

    def close(self, seconds: float = 5.0) -> None:
        """Send what is queued and stop, waiting no longer than `seconds`."""
        with self._lock:
            self._closed = True
            turns, self._turns = self._turns, []
        atexit.unregister(self.close)
        _bounded([one.close for one in turns], seconds)

    async def aclose(self, seconds: float = 5.0) -> None:
        """Close without holding up the event loop."""
        await asyncio.to_thread(self.close, seconds)

    def _start(self) -> None:
        with self._lock:
            if not self._turns and not self._closed:
                self._turns = self._destinations()
                atexit.register(self.close)

    def _destinations(self) -> list[Turns]:
        found: list[Turns] = []
        if self.variables.has_keys:
            # Its libraries take a second to import, which nobody without a server should wait for.
            from twintrack.core.langfuse_turns import LangfuseTurns

            found.append(LangfuseTurns(self.variables, self.mask))
        if self._keeps and self.store is not None:
            found.append(LocalTurns(self.store, self.mask))
        return found


def _bounded(works: Sequence[Callable[[], object]], seconds: float) -> None:
    """Run all at once and wait for them together, so that one that hangs takes nothing from the others."""
    workers = [threading.Thread(target=work, name=FLUSHING, daemon=True) for work in works]
    for worker in workers:
        worker.start()
    end = time.monotonic() + seconds
    for worker in workers:
        worker.join(max(0.0, end - time.monotonic()))
