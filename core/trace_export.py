"""Carries finished spans out of the process: to a Langfuse server, to Redis, never into the run's way."""

import asyncio
import json
import logging
import threading
from base64 import b64encode
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import format_span_id, format_trace_id

from twintrack.core.langfuse_variables import LangfuseVariables
from twintrack.core.trace_labels import Mask
from twintrack.core.trace_mask import masked_span, masked_text
from twintrack.core.traces import Owner, TraceSpan, TraceStore

log = logging.getLogger("twintrack.tracing")

_VENDOR_LOG = "opentelemetry.exporter.otlp.proto.http.trace_exporter"
_REDIS_SECONDS = 5.0
_REMEMBERED_OWNERS = 10_000
_MESSAGE_CHARS = 500
_OBSERVATION = "langfuse.observation."
LABEL = "langfuse.observation.metadata.outcome_"
"""Begins the attributes that say what a run came to; their values are JSON."""


class MaskedExporter(SpanExporter):
    """Masks every span, then hands the batch on."""

    def __init__(self, inner: SpanExporter, mask: Mask) -> None:
        self.inner = inner
        self.mask = mask

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export the masked batch."""
        return self.inner.export([masked_span(span, self.mask) for span in spans])

    def shutdown(self) -> None:
        """Close the exporter."""
        self.inner.shutdown()


class QuietExporter(SpanExporter):
    """Never raises; says once that exports fail, and again only after one has worked."""

    def __init__(self, inner: SpanExporter, place: str) -> None:
        self.inner = inner
        self.place = place
        self._failing = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Hand the batch on, whatever comes of it."""
        with _VendorLog() as vendor:
            try:
                result = self.inner.export(spans)
                reason = vendor.reason
            except Exception as error:  # noqa: BLE001 (declared boundary: tracing never breaks a run)
                result, reason = SpanExportResult.FAILURE, f"{type(error).__name__}: {error}"
        failing = result is not SpanExportResult.SUCCESS
        if failing and not self._failing:
            log.warning("Traces do not reach %s; %d spans are lost; runs go on. %s", self.place, len(spans), reason)
        self._failing = failing
        return result

    def shutdown(self) -> None:
        """Close the exporter."""
        with suppress(Exception):  # a server that is gone needs no goodbye
            self.inner.shutdown()


class _VendorLog(logging.Filter):
    """Keeps the exporter's own log lines of this thread off the log; remembers the first as the reason."""

    def __init__(self) -> None:
        super().__init__()
        self.reason = ""
        self._thread = threading.get_ident()

    def filter(self, record: logging.LogRecord) -> bool:
        """Drop what this thread logs."""
        if record.thread != self._thread:
            return True
        self.reason = self.reason or record.getMessage()[:300]
        return False

    def __enter__(self) -> "_VendorLog":
        logging.getLogger(_VENDOR_LOG).addFilter(self)
        return self

    def __exit__(self, *_error: object) -> None:
        logging.getLogger(_VENDOR_LOG).removeFilter(self)


def langfuse_exporter(variables: LangfuseVariables) -> SpanExporter:
    """Return the exporter that posts to the Langfuse server."""
    secret = variables.secret_key.get_secret_value() if variables.secret_key else ""
    login = b64encode(f"{variables.public_key}:{secret}".encode()).decode()
    return OTLPSpanExporter(
        endpoint=variables.endpoint,
        headers={
            "Authorization": f"Basic {login}",
            "x-langfuse-public-key": variables.public_key or "",
            "x-langfuse-ingestion-version": "4",
        },
        timeout=variables.timeout,
        compression=Compression.Gzip,
    )


class Owners:
    """Remembers whose each open trace is; in memory only, because raw ids do not travel in spans."""

    def __init__(self) -> None:
        self._owners: OrderedDict[str, Owner] = OrderedDict()
        self._lock = threading.Lock()

    def remember(self, trace_id: str, owner: Owner) -> None:
        """Note the owner; the oldest notes are forgotten beyond a bound."""
        with self._lock:
            self._owners[trace_id] = owner
            self._owners.move_to_end(trace_id)
            while len(self._owners) > _REMEMBERED_OWNERS:
                self._owners.popitem(last=False)

    def get(self, trace_id: str) -> Owner | None:
        """Return the owner, or None for a trace this process did not open."""
        with self._lock:
            return self._owners.get(trace_id)


class RedisExporter(SpanExporter):
    """Writes spans to the trace store from an event loop of its own, masked, without what went in and out."""

    def __init__(self, store: TraceStore, owners: Owners, mask: Mask) -> None:
        self.store = store
        self.owners = owners
        self.mask = mask
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="twintrack-traces", daemon=True)
        self._thread.start()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Write the batch, trace by trace."""
        asyncio.run_coroutine_threadsafe(self._write(spans), self._loop).result(_REDIS_SECONDS)
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Close this loop's Redis connections and end its thread."""
        try:
            asyncio.run_coroutine_threadsafe(self.store.source.aclose(), self._loop).result(_REDIS_SECONDS)
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_REDIS_SECONDS)
            self._loop.close()

    async def _write(self, spans: Sequence[ReadableSpan]) -> None:
        traces: dict[str, list[TraceSpan]] = {}
        for span in spans:
            if span.context is not None:
                traces.setdefault(format_trace_id(span.context.trace_id), []).append(row_of(span, self.mask))
        for trace_id, rows in traces.items():
            if owner := self.owners.get(trace_id):
                await self.store.add(trace_id, owner, rows)


def row_of(span: ReadableSpan, mask: Mask) -> TraceSpan:
    """Return what is kept of a span, masked."""
    found = dict(span.attributes or {})
    labels = {key.removeprefix(LABEL): text for key, text in found.items() if key.startswith(LABEL)}
    return TraceSpan(
        id=format_span_id(span.context.span_id) if span.context else "",
        parent=format_span_id(span.parent.span_id) if span.parent else None,
        name=masked_text(span.name, mask),
        type=str(found.get(_OBSERVATION + "type", "span")),
        start=(span.start_time or 0) / 1e9,
        end=(span.end_time or span.start_time or 0) / 1e9,
        level=str(found.get(_OBSERVATION + "level", "DEFAULT")),
        message=masked_text(str(found.get(_OBSERVATION + "status_message", "")), mask)[:_MESSAGE_CHARS],
        model=str(found.get(_OBSERVATION + "model.name", "")),
        usage=_counts(found.get(_OBSERVATION + "usage_details")),
        session=str(found.get("session.id", "")),
        user=str(found.get("user.id", "")),
        labels={name: mask(str(json.loads(str(text)))) for name, text in labels.items()},
    )


def _counts(value: Any) -> dict[str, int]:
    found = json.loads(value) if isinstance(value, str) else {}
    return {kind: int(count) for kind, count in found.items() if isinstance(count, int)}
