"""Opens the application with an ASGI application, and closes it with it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from twintrack.app.application import App
from twintrack.app.assemble import open_app


@asynccontextmanager
async def lifespan(_api: Any) -> AsyncIterator[dict[str, App]]:
    """Be the `lifespan` of FastAPI or Starlette: a request finds the application as `request.state.twintrack`."""
    async with open_app() as app:
        yield {"twintrack": app}
