"""Who sends a request: the holder of an API key, or, where no keys are set, this machine's own user."""

import ipaddress
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from twintrack.app.api_keys import SETTING, ApiKeys
from twintrack.core.context import Identity
from twintrack.core.errors import NotAllowed

HEALTH = "/health"
"""The one route of ours that a stranger may ask, and hears from no more than whether it works."""
STUDIO = "https://smith.langchain.com"
"""LangGraph Studio's pages, which `langgraph dev` points to."""

Headers = Mapping[bytes, bytes]


def caller(keys: ApiKeys, headers: Headers, client: Any) -> Identity | None:
    """Return who calls; None where the key is missing or wrong.

    Raises:
        NotAllowed: no keys are set and the request does not come from this machine.
    """
    if keys:
        return keys.holder(presented_key(headers))
    here = _is_here(client) and not _is_forwarded(headers)
    if not (here and _names_this_machine(headers) and _may_call_from(headers)):
        raise NotAllowed("Without API keys this server answers this machine alone.", fix=f"set {SETTING}")
    return Identity()


def presented_key(headers: Headers) -> str:
    """Return the key of `Authorization: Bearer` or, as chat clients send it, of `X-Api-Key`."""
    scheme, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    return headers.get(b"x-api-key", b"").decode("latin-1").strip()


def _is_here(client: Any) -> bool:
    return bool(client) and _is_loopback(str(client[0]))


def _is_forwarded(headers: Headers) -> bool:
    """Tell whether a proxy passes on what came from elsewhere."""
    return b"x-forwarded-for" in headers or b"forwarded" in headers


def _names_this_machine(headers: Headers) -> bool:
    """Tell whether the URL asked for is loopback: a page can point a name of its own at this machine."""
    return _is_loopback(urlsplit("//" + headers.get(b"host", b"").decode("latin-1")).hostname)


def _may_call_from(headers: Headers) -> bool:
    """Tell whether the web page that sent this, if one did, is trusted: any page can reach loopback."""
    origin = headers.get(b"origin", b"").decode("latin-1")
    return origin in ("", STUDIO) or _is_loopback(urlsplit(origin).hostname)


def _is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
