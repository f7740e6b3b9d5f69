"""Chooses trace ids, so that a turn's id is known before it runs and its resumption finds it again."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from hashlib import sha256

from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

_chosen: ContextVar[str | None] = ContextVar("twintrack_chosen_trace_id", default=None)


def trace_id_of(thread_id: str, run_id: str) -> str:
    """Return the trace id of a run, known before the run begins."""
    return _hex(f"{thread_id}\n{run_id}", 32)


def root_span_id(trace_id: str) -> int:
    """Return the id of the first span of a turn, under which its resumption goes."""
    return int(_hex(trace_id, 16), 16)


class ChosenIds(RandomIdGenerator):
    """Random ids, but for the first span of a turn."""

    @staticmethod
    @contextmanager
    def of(trace_id: str | None) -> Iterator[None]:
        """Give the span that starts in this block the ids of the first span of this trace."""
        token = _chosen.set(trace_id)
        try:
            yield
        finally:
            _chosen.reset(token)

    def generate_trace_id(self) -> int:
        """Return the chosen trace id where there is one."""
        chosen = _chosen.get()
        return int(chosen, 16) if chosen else super().generate_trace_id()

    def generate_span_id(self) -> int:
        """Return the id that belongs to the chosen trace where there is one."""
        chosen = _chosen.get()
        return root_span_id(chosen) if chosen else super().generate_span_id()


def _hex(seed: str, digits: int) -> str:
    return sha256(seed.encode("utf-8", "surrogatepass")).hexdigest()[:digits]
