from twintrack.bench.conformance import complete, conformance
from twintrack.core.redis_client import RedisSource


async def test_the_saver_passes_every_capability_of_the_conformance_suite(source: RedisSource) -> None:
    report = await conformance(source)

    assert [failure for result in report.results.values() for failure in result.failures] == []
    assert complete(report)
    assert sum(result.tests_passed for result in report.results.values()) == 81
