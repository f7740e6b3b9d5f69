"""What a run had spent when it wrote a version, as the meter among its callbacks says."""

from collections.abc import Mapping
from typing import Any

USAGE = "usage"
"""Key of a version's metadata."""


def spent(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata that tells of it; empty where nothing is counted, or nothing was spent."""
    callbacks = config.get("callbacks")
    handlers = getattr(callbacks, "handlers", callbacks) or ()
    count = next((handler.usage for handler in handlers if callable(getattr(handler, "usage", None))), None)
    counted = {name: value for name, value in count().items() if isinstance(value, int)} if count else {}
    return {USAGE: counted} if any(counted.values()) else {}
