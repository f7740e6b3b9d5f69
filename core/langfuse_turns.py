"""Turns on their way to a Langfuse server: one observation around the run, a span for every step."""

import json
from collections.abc import Mapping
from typing import Any

from langchain_core.callbacks import BaseCallbackHandler
from langfuse import propagate_attributes
from langfuse._client.span_processor import LangfuseSpanProcessor
from langfuse.span_filter import is_langfuse_span
from opentelemetry import trace
from opentelemetry.context import Context as OtelContext
from opentelemetry.context import attach, get_current
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from twintrack.core.langfuse_variables import LangfuseVariables
from twintrack.core.node_tracer import NodeTracer, SpanClient
from twintrack.core.trace_export import LABEL, MaskedExporter, QuietExporter, langfuse_exporter
from twintrack.core.trace_ids import ChosenIds, root_span_id
from twintrack.core.trace_labels import Mask, label
from twintrack.core.turn_info import TurnInfo

_NO_LIMITS = SpanLimits(max_span_attributes=SpanLimits.UNSET, max_span_attribute_length=SpanLimits.UNSET)
"""A value cut in its middle could not be read as JSON, hence not be masked reliably."""


class LangfuseTurn:
    """One run's observation; `enter` and `leave` surround each piece of its work, so that callers see none of it."""

    def __init__(self, root: Any, context: OtelContext, handler: NodeTracer) -> None:
        self.handler: BaseCallbackHandler = handler
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

    def end(self, labels: Mapping[str, str], output: Any, level: str | None, message: str | None) -> None:
        """Close the observation with what the run came to."""
        self._root.update(output=output, level=level, status_message=message)
        self._root._otel_span.set_attributes({LABEL + name: json.dumps(text) for name, text in labels.items()})
        self._root.end()


class LangfuseTurns:
    """Opens turns and sends them from a background thread; opening it does no I/O."""

    def __init__(self, variables: LangfuseVariables, mask: Mask) -> None:
        self.variables = variables
        self.mask = mask
        self._public_key = variables.public_key or ""
        self._processor = self._open_processor()
        self._client = SpanClient(self._open_provider(), self._public_key, variables)

    def begin(self, info: TurnInfo, given: Any) -> LangfuseTurn:
        """Open the observation of a run."""
        outside, parent = get_current(), _parent_context(info)
        attach(parent)
        try:
            with ChosenIds.of(None if parent else info.trace_id):
                root = self._client.start_observation(name=info.name, as_type="agent", input=given)
            attach(trace.set_span_in_context(root._otel_span))
            with propagate_attributes(**self._attributes(info)):
                context = get_current()
        finally:
            attach(outside)
        return LangfuseTurn(root, context, NodeTracer(self._client, root))

    def flush(self) -> None:
        """Send what is queued."""
        self._processor.force_flush()

    def close(self) -> None:
        """Send what is queued and stop."""
        self._processor.shutdown()  # type: ignore[no-untyped-call] # the vendor gives it no types

    def _attributes(self, info: TurnInfo) -> dict[str, Any]:
        metadata = {"tenant": info.identity.tenant_id, **info.metadata}
        return {
            "session_id": label(info.thread_id, self.mask),
            "user_id": label(info.identity.user_id, self.mask),
            "trace_name": label(info.name),
            "tags": [label(tag, self.mask) for tag in info.tags],
            "metadata": {label(name, self.mask): label(text, self.mask) for name, text in metadata.items()},
        }

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
        provider.add_span_processor(self._processor)
        return provider

    def _open_processor(self) -> LangfuseSpanProcessor:
        sender = MaskedExporter(langfuse_exporter(self.variables), self.mask)
        return LangfuseSpanProcessor(
            public_key=self._public_key,
            secret_key="",
            base_url=self.variables.base_url,
            span_exporter=QuietExporter(sender, self.variables.base_url),
        )


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
