"""Opens one Langfuse observation per turn, traces every step under it, and never breaks or slows a run."""

import asyncio
import atexit
import json
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from langfuse import propagate_attributes
from langfuse._client.span_processor import LangfuseSpanProcessor
from langfuse.span_filter import is_langfuse_span
from opentelemetry import trace
from opentelemetry.context import Context as OtelContext
from opentelemetry.context import attach, get_current
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, format_trace_id

from twintrack.core.context import Identity
from twintrack.core.langfuse_variables import LangfuseVariables, load_langfuse_variables
from twintrack.core.node_tracer import NodeTracer, SpanClient
from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import TracingSettings
from twintrack.core.trace_export import LABEL, MaskedExporter, Owners, QuietExporter, RedisExporter, langfuse_exporter
from twintrack.core.trace_ids import ChosenIds, root_span_id, trace_id_of
from twintrack.core.trace_labels import Mask, label, unmasked
from twintrack.core.traces import Owner, TraceStore

log = logging.getLogger("twintrack.tracing")

__all__ = ["Tracer", "Turn", "TurnInfo", "current_trace_id", "trace_id_of"]

_LOCAL_DELAY_MS = 300
_NO_LIMITS = SpanLimits(max_span_attributes=SpanLimits.UNSET, max_span_attribute_length=SpanLimits.UNSET)
"""A value cut in its middle could not be read as JSON, hence not be masked reliably."""
_PUBLIC_KEY_WITHOUT_SERVER = "local"


def current_trace_id() -> str | None:
    """Return the trace id of the run this code is part of; inside nodes, tools and models."""
    found = trace.get_current_span().get_span_context()
    return format_trace_id(found.trace_id) if found.is_valid else None


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnInfo:
    """What is known of a run when it begins."""

    name: str
    thread_id: str
    identity: Identity
    trace_id: str
    resumes: bool = False
    """True continues a trace that exists: after an interrupt or a crash."""
    tags: Sequence[str] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)


class Turn:
    """One traced run; `enter` and `leave` surround each piece of its work, so that callers see none of it."""

    def __init__(self, root: Any, context: OtelContext, handler: NodeTracer) -> None:
        self.handler = handler
        self.trace_id: str = root.trace_id
        self._root = root
        self._context = context
        self._outside = context

    def enter(self) -> None:
        """Make this turn's observation the current one."""
        self._outside = get_current()
        attach(self._context)

    def leave(self) -> None:
        """Give the caller its own context back."""
        attach(self._outside)

    def end(self, labels: Mapping[str, str], error: BaseException | None = None) -> None:
        """Close the observation with what the run came to."""
        try:
            self._root.update(
                output=self.handler.output,
                level="ERROR" if error else None,
                status_message=(str(error) or type(error).__name__) if error else None,
            )
            self._root._otel_span.set_attributes({LABEL + name: json.dumps(text) for name, text in labels.items()})
            self._root.end()
        except Exception:
            log.exception("A trace could not be closed.")

    def stop(self, reason: str) -> None:
        """Close the observation of a run that its caller gave up."""
        self._root.update(level="WARNING", status_message=reason)
        self.end({"status": "stopped"})


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
        self._owners = Owners()
        self._lock = threading.Lock()
        self._processors: list[BatchSpanProcessor] = []
        self._client: SpanClient | None = None
        self._closed = False

    @property
    def enabled(self) -> bool:
        """Tell whether runs are traced at all."""
        return self.variables.tracing_enabled and not self._closed and (self.variables.has_keys or self._keeps)

    async def begin(self, info: TurnInfo, given: Any) -> Turn | None:
        """Open the observation of a run; None where that failed, and the run goes on untraced."""
        try:
            if self._client is None:
                await asyncio.to_thread(self._start)
            return self._begin(info, given)
        except Exception:
            log.exception("A run is not traced.")
            return None

    def flush(self, seconds: float = 5.0) -> None:
        """Send what is queued, waiting no longer than `seconds`."""
        _bounded([processor.force_flush for processor in self._processors], seconds)

    def close(self, seconds: float = 5.0) -> None:
        """Send what is queued and stop, waiting no longer than `seconds`."""
        with self._lock:
            self._closed = True
            processors, self._processors = self._processors, []
        atexit.unregister(self.close)
        _bounded([processor.shutdown for processor in processors], seconds)

    async def aclose(self, seconds: float = 5.0) -> None:
        """Close without holding up the event loop."""
        await asyncio.to_thread(self.close, seconds)

    def _begin(self, info: TurnInfo, given: Any) -> Turn | None:
        client = self._client
        if client is None:
            return None
        outside = get_current()
        parent = _parent_context(info)
        attach(parent)
        try:
            with ChosenIds.of(None if parent else info.trace_id):
                root = client.start_observation(name=info.name, as_type="agent", input=given)
            attach(trace.set_span_in_context(root._otel_span))
            with propagate_attributes(**self._attributes(info)):
                context = get_current()
        finally:
            attach(outside)
        self._owners.remember(root.trace_id, Owner(info.identity, info.thread_id))
        return Turn(root, context, NodeTracer(client, root))

    def _attributes(self, info: TurnInfo) -> dict[str, Any]:
        metadata = {"tenant": info.identity.tenant_id, **info.metadata}
        return {
            "session_id": label(info.thread_id, self.mask),
            "user_id": label(info.identity.user_id, self.mask),
            "trace_name": label(info.name),
            "tags": [label(tag, self.mask) for tag in info.tags],
            "metadata": {label(name, self.mask): label(text, self.mask) for name, text in metadata.items()},
        }

    def _start(self) -> None:
        with self._lock:
            if self._client is None and not self._closed:
                self._processors = self._open_processors()
                self._client = SpanClient(self._open_provider(), self._public_key, self.variables)
                atexit.register(self.close)

    @property
    def _public_key(self) -> str:
        return self.variables.public_key or _PUBLIC_KEY_WITHOUT_SERVER

    def _open_provider(self) -> TracerProvider:
        names = {
            "service.name": "twintrack",
            "langfuse.environment": self.variables.tracing_environment,
            "langfuse.release": self.variables.release,
        }
        provider = TracerProvider(
            resource=Resource.create({name: value for name, value in names.items() if value}),
            sampler=TraceIdRatioBased(self.variables.sample_rate) if self.variables.sample_rate < 1 else None,
            id_generator=ChosenIds(),
            span_limits=_NO_LIMITS,
            shutdown_on_exit=False,
        )
        for processor in self._processors:
            provider.add_span_processor(processor)
        return provider

    def _open_processors(self) -> list[BatchSpanProcessor]:
        first, *others = self._exporters()
        delay = _LOCAL_DELAY_MS
        return [self._processor(first), *(BatchSpanProcessor(one, schedule_delay_millis=delay) for one in others)]

    def _processor(self, exporter: SpanExporter) -> LangfuseSpanProcessor:
        return LangfuseSpanProcessor(
            public_key=self._public_key,
            secret_key="",
            base_url=self.variables.base_url,
            span_exporter=exporter,
            flush_interval=None if self.variables.has_keys else _LOCAL_DELAY_MS / 1000,
        )

    def _exporters(self) -> list[SpanExporter]:
        found: list[SpanExporter] = []
        if self.variables.has_keys:
            sender = MaskedExporter(langfuse_exporter(self.variables), self.mask)
            found.append(QuietExporter(sender, self.variables.base_url))
        if self._keeps and self.store is not None:
            found.append(QuietExporter(RedisExporter(self.store, self._owners, self.mask), "Redis"))
        return found


def _parent_context(info: TurnInfo) -> OtelContext:
    """Keep a Langfuse trace the caller has open, continue the turn's own, or start from nothing.

    Spans of other libraries are not parents: their traces go elsewhere.
    """
    current = trace.get_current_span()
    if current.is_recording() and is_langfuse_span(current):  # type: ignore[arg-type] # a recording span is readable
        return get_current()
    if not info.resumes:
        return OtelContext()
    first = SpanContext(int(info.trace_id, 16), root_span_id(info.trace_id), is_remote=True, trace_flags=TraceFlags(1))
    return trace.set_span_in_context(NonRecordingSpan(first), OtelContext())


def _bounded(works: Sequence[Callable[[], object]], seconds: float) -> None:
    """Run all at once and wait for them together, so that one that hangs takes nothing from the others."""
    workers = [threading.Thread(target=work, name="twintrack-traces-flush", daemon=True) for work in works]
    for worker in workers:
        worker.start()
    end = time.monotonic() + seconds
    for worker in workers:
        worker.join(max(0.0, end - time.monotonic()))
