from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from twintrack.bench.conformance import complete, conformance
from twintrack.bench.redis_servers import plain_redis
from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import RedisSettings


async def test_the_saver_passes_every_capability_of_the_conformance_suite(source: RedisSource) -> None:
    report = await conformance(source)

    assert [failure for result in report.results.values() for failure in result.failures] == []
    assert complete(report)
    assert sum(result.tests_passed for result in report.results.values()) == 81


@pytest.fixture
def plain_url(tmp_path: Path) -> Iterator[str]:
    with plain_redis(tmp_path) as url:
        yield url


async def test_it_passes_on_a_redis_without_any_module(plain_url: str) -> None:
    source = RedisSource(RedisSettings.model_validate({"url": plain_url}))
    client: Any = source.client()
    modules = await client.execute_command("MODULE", "LIST")
    report = await conformance(source)
    await source.aclose()

    assert not [module for module in modules if module[b"name"] in (b"search", b"ReJSON")]
    assert complete(report)
