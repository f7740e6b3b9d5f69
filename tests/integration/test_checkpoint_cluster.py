"""The saver on a cluster and behind Sentinel, both started by the test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from twintrack.bench.conformance import complete, conformance
from twintrack.bench.redis_servers import cluster, sentinel
from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import RedisSettings

pytestmark = pytest.mark.slow


@pytest.fixture(params=[cluster, sentinel], ids=["cluster", "sentinel"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with request.param(tmp_path) as started:
        yield started


async def test_the_saver_passes_the_conformance_suite(url: str) -> None:
    source = RedisSource(RedisSettings.model_validate({"url": url}))
    report = await conformance(source)
    await source.aclose()

    assert [failure for result in report.results.values() for failure in result.failures] == []
    assert complete(report)
