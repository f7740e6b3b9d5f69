"""Adds up what an answer must say about how it came to be."""

from collections.abc import Mapping
from typing import Any


def also(state: Mapping[str, Any], why: str) -> str:
    """Return the turn's label with one more reason; the same reason is said once."""
    said = str(state.get("degraded") or "")
    return said if why in said else "; ".join(part for part in (said, why) if part)
