"""Whose thread it is, as the run's config says."""

from collections.abc import Mapping
from typing import Any

from twintrack.core.context import Identity


def owner_of(config: Mapping[str, Any]) -> Identity | None:
    """Return who the run is for, or None where the config does not say.

    Under a server its authenticated user counts, not what the client wrote into its config.
    """
    where = config.get("configurable") or {}
    if signed_in := where.get("langgraph_auth_user_id"):
        return Identity(_tenant(where.get("langgraph_auth_user")), str(signed_in))
    said = {**(config.get("metadata") or {}), **where}
    if not said.get("user_id"):
        return None
    return Identity(str(said.get("tenant_id") or "default"), str(said["user_id"]))


def _tenant(user: Any) -> str:
    try:
        return str(user["tenant_id"] or "default")
    except (KeyError, TypeError, AttributeError):
        return "default"
