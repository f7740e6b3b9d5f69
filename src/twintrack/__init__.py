"""A production LangGraph application on Redis and Langfuse."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from twintrack.app.answer import Answer
    from twintrack.app.assemble import App, open_app
    from twintrack.app.lifespan import lifespan
    from twintrack.core.context import Context
    from twintrack.core.errors import TwintrackError
    from twintrack.core.settings import Settings

__all__ = ["Answer", "App", "Context", "Settings", "TwintrackError", "lifespan", "open_app"]

_HOMES = {
    "Answer": "twintrack.app.answer",
    "App": "twintrack.app.assemble",
    "Context": "twintrack.core.context",
    "Settings": "twintrack.core.settings",
    "TwintrackError": "twintrack.core.errors",
    "lifespan": "twintrack.app.lifespan",
    "open_app": "twintrack.app.assemble",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that the command line starts fast."""
    if name == "__version__":
        from importlib.metadata import version  # slow to load, seldom asked

        return version("twintrack")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'twintrack' has no attribute {name!r}")
