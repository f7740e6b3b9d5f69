"""Reads from a run's configuration and context whose it is."""

from collections.abc import Mapping
from typing import Any

from twintrack.core.context import Identity, identity_of


class _RunInfo:
    """What `identity_of` reads, before LangGraph has made its own."""

    def __init__(self, configurable: Mapping[str, Any], context: Any) -> None:
        self.context = context
        self.user = configurable.get("langgraph_auth_user")
        served = self.user is not None or configurable.get("assistant_id") or configurable.get("graph_id")
        self.server_info = self if served else None


def owner_in(configurable: Mapping[str, Any], context: Any) -> dict[str, str]:
    """Return whose the run's thread is, where the caller said it."""
    if context is None or _RunInfo(configurable, context).server_info:
        return {}
    return identity_in(configurable, context).in_config()


def identity_in(configurable: Mapping[str, Any], context: Any) -> Identity:
    """Return who runs this, before there is a runtime to ask."""
    try:
        return identity_of(_RunInfo(configurable, context))
    except (TypeError, AttributeError):
        return Identity()


def labels_in(context: Any) -> dict[str, str]:
    """Return the free labels that go to the trace."""
    found = context.get("metadata") if isinstance(context, dict) else getattr(context, "metadata", None)
    return {str(name): str(text) for name, text in found.items()} if isinstance(found, dict) else {}
