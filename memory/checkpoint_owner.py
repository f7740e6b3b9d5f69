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
    more = config.get("metadata") or {}
    if not (user := where["user_id"] if "user_id" in where else more.get("user_id")):
        return None
    tenant = where["tenant_id"] if "tenant_id" in where else more.get("tenant_id")
    return Identity(str(tenant or "default"), str(user))


def _tenant(user: Any) -> str:
    try:
        return str(user["tenant_id"] or "default")
    except (KeyError, TypeError, AttributeError):
        return "default"
