"""Fixtures of tests that run the whole application on a real Redis."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from twintrack.app.assemble import App, open_app
from twintrack.core.context import Identity
from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import Settings

WHO = Identity("default", "ada")

TEXTS = {
    "harbour.md": "# The harbour\n\nThe harbour of Lindwick was opened in 1907. Its lighthouse is 41 metres tall. "
    "The harbour master is Greta Holm.\n\nShips from Marrow Bay bring salt every spring.\n",
    "library.md": "# The library\n\nThe library of Lindwick holds 12,500 books. It was founded by Otto Brandt in 1884. "
    "Readers may borrow five books for three weeks.\n",
    "茶园.md": "# 茶园\n\n林镇的茶园位于青山脚下。茶园每年生产八百公斤绿茶。茶园的主人是王小梅。\n",
}

Opener = Callable[..., AbstractAsyncContextManager[App]]


@pytest.fixture
def opener(source: RedisSource, redis_url: str, tmp_path: Path) -> Opener:
    """Give a function that opens an application on the test's Redis, with documents to ask about."""

    @asynccontextmanager
    async def opened(
        settings: dict[str, Any] | None = None, *, ingest: bool = True, **overrides: Any
    ) -> AsyncIterator[App]:
        tree = Settings(**{"redis": {"url": redis_url}, **(settings or {})})
        async with open_app(tree, **overrides) as app:
            for name, text in TEXTS.items():
                (tmp_path / name).write_text(text, encoding="utf-8")
            if ingest:
                await app.corpus.ingest([tmp_path], identity=WHO)
            yield app

    return opened


@pytest.fixture
async def app(opener: Opener) -> AsyncIterator[App]:
    """Give an open application in extractive mode."""
    async with opener() as opened:
        yield opened
