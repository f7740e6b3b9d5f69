"""Shared fixtures: one real Redis per test process, emptied after each test."""

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator, Iterator
from typing import Any
from weakref import WeakSet

import pytest
from hypothesis import settings

from tests.examples import USUAL
from tests.otlp_capture import otlp as otlp
from twintrack.core.embedded_redis import EmbeddedRedis
from twintrack.core.errors import RedisUnavailable
from twintrack.core.local_turns import LocalTurns
from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import RedisSettings

# How long one example takes says more of the machine than of the code; `--hypothesis-profile=thorough` tries more of them.
settings.register_profile("quick", deadline=None, max_examples=USUAL)
settings.register_profile("thorough", deadline=None, max_examples=10 * USUAL)
settings.load_profile("quick")


def pytest_configure(config: pytest.Config) -> None:
    """Name the mark of tests that ask a real provider, and hear Ctrl-C though a shell began this in the background."""
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # what is ignored here is ignored by each process begun here
    config.addinivalue_line("markers", "live: asks the model that LIVE_MODEL names; skipped without LIVE_API_KEY")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse a slow test in a file that does not name the mark: `make slow` would not read it."""
    silent = {item.path for item in items if item.get_closest_marker("slow")}
    if lost := sorted(str(path) for path in silent if "mark.slow" not in path.read_text(encoding="utf-8")):
        raise pytest.UsageError(f"`make slow` reads files that name mark.slow, and these do not: {', '.join(lost)}")


@pytest.fixture(scope="session", autouse=True)
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what the product puts into the user's data folder out of it, and its tables as wide as in a pipe."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
        patch.delenv("COLUMNS", raising=False)  # readline leaves its own to pytest's workers
        yield


@pytest.fixture(scope="session", autouse=True)
def trace_writers() -> Iterator[WeakSet[LocalTurns]]:
    """Note who writes traces: each does so from a thread of its own, a moment after the turn and perhaps after the test."""
    made: WeakSet[LocalTurns] = WeakSet()
    make = LocalTurns.__init__

    def noted(self: LocalTurns, *given: Any) -> None:
        make(self, *given)
        made.add(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LocalTurns, "__init__", noted)
        yield made


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a real Redis with the query engine for this test process; yield its URL."""
    folder = tmp_path_factory.mktemp("redis")
    server = EmbeddedRedis(folder, fsync="no")
    try:
        address = server.ensure_running()
    except RedisUnavailable as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no Redis to test with: {error}")
    yield address.url
    server.leave()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def source(redis_url: str, trace_writers: WeakSet[LocalTurns]) -> AsyncIterator[RedisSource]:
    """Give a source on an empty test server; everything in it is deleted afterwards."""
    source = RedisSource(RedisSettings.model_validate({"url": redis_url}))
    while trace_writers:
        await asyncio.to_thread(trace_writers.pop().flush)
    await source.client().flushall()  # a run that the last test gave up may have written after its end
    yield source
    await source.client().flushall()
    await source.aclose()
