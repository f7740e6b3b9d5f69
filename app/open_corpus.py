"""Opens a corpus alone, for commands that need no graph: they start in a fraction of the time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from twintrack.core.corpus import Corpus
from twintrack.core.embeddings import open_embedder, try_out
from twintrack.core.redis_check import check_server
from twintrack.core.redis_client import RedisSource
from twintrack.core.redis_errors import translated
from twintrack.core.settings import Settings, load_settings


def with_corpus(settings: Settings, name: str | None) -> Settings:
    """Return the settings with another corpus; a name that cannot be one raises SettingsError."""
    if not name:
        return settings
    return load_settings(retrieval=settings.retrieval.model_dump() | {"corpus": name})


@asynccontextmanager
async def open_corpus(settings: Settings) -> AsyncIterator[Corpus]:
    """Open the settings' corpus; what was opened is closed at the end.

    Raises:
        SettingsError: a setting cannot be used.
        RedisUnavailable: Redis does not answer as it must.
    """
    source = RedisSource(settings.redis)
    try:
        embedder = open_embedder(settings.models)
        await check_server(source)
        await try_out(embedder)
        async with translated():
            yield Corpus(source, embedder, settings.retrieval)
    finally:
        await source.aclose()
