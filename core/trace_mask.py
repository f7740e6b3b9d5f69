"""Masks everything of a span that leaves the process: name, attributes, events and status."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import Status

from twintrack.core.trace_labels import Mask

HIDDEN = "<hidden: masking failed>"
_STRUCTURE = (
    "session.id",
    "user.id",
    "langfuse.internal.",
    "langfuse.observation.type",
    "langfuse.observation.level",
    "langfuse.observation.model.name",
    "langfuse.observation.usage_details",
    "langfuse.observation.cost_details",
    "langfuse.observation.completion_start_time",
    "langfuse.observation.prompt.",
    "langfuse.trace.name",
)
"""Written by the tracer itself; ids among them are already labels."""
_LONG_NUMBER = 1_000_000


def masked_span(span: ReadableSpan, mask: Mask) -> ReadableSpan:
    """Return a copy of `span` with every text masked."""
    return ReadableSpan(
        name=masked_text(span.name, mask),
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=_attributes(span.attributes, mask),
        events=[
            Event(masked_text(event.name, mask), _attributes(event.attributes, mask), event.timestamp)
            for event in span.events
        ],
        links=span.links,
        kind=span.kind,
        status=_status(span.status, mask),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def masked_text(text: str, mask: Mask) -> str:
    """Mask `text`; where it is JSON, mask its leaves, so that escapes hide nothing from the patterns."""
    try:
        found = _decoded(text)
        return mask(text) if found is None else json.dumps(_leaves(found, mask), ensure_ascii=False)
    except Exception:  # noqa: BLE001 (a mask that breaks must hide the text, not break the export)
        return HIDDEN


def _decoded(text: str) -> Any:
    if not text.lstrip()[:1] or text.lstrip()[0] not in '{["':
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None


def _leaves(value: Any, mask: Mask) -> Any:
    if isinstance(value, str):
        return masked_text(value, mask) if value.lstrip()[:1] in ("{", "[") else mask(value)
    if isinstance(value, dict):
        return {mask(key): _leaves(item, mask) for key, item in value.items()}
    if isinstance(value, list):
        return [_leaves(item, mask) for item in value]
    return _number(value, mask)


def _number(value: Any, mask: Mask) -> Any:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) < _LONG_NUMBER:
        return value
    text = mask(str(value))
    return value if text == str(value) else text


def _attributes(attributes: Mapping[str, Any] | None, mask: Mask) -> dict[str, Any]:
    return {
        key: value if key.startswith(_STRUCTURE) else _attribute(value, mask)
        for key, value in (attributes or {}).items()
    }


def _attribute(value: Any, mask: Mask) -> Any:
    if isinstance(value, str):
        return masked_text(value, mask)
    if isinstance(value, Sequence):
        return [_attribute(item, mask) for item in value]
    return value


def _status(status: Status, mask: Mask) -> Status:
    if status.description is None:
        return status
    return Status(status.status_code, masked_text(status.description, mask))
