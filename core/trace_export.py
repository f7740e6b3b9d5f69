"""Carries finished spans out of the process: to a Langfuse server, never into the run's way."""

import logging
import threading
from base64 import b64encode
from collections.abc import Sequence
from contextlib import suppress

from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from twintrack.core.langfuse_variables import LangfuseVariables
from twintrack.core.trace_labels import Mask
from twintrack.core.trace_mask import masked_span

log = logging.getLogger("twintrack.tracing")

_VENDOR_LOG = "opentelemetry.exporter.otlp.proto.http.trace_exporter"
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
