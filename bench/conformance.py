"""Prints how the checkpoint saver does in LangGraph's own conformance suite.

Run as `python -m twintrack.bench.conformance [redis url]`; without a URL the settings' Redis is used.
"""

import asyncio
import sys
from collections.abc import AsyncIterator

from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.checkpoint.conformance.report import CapabilityReport

from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import RedisSettings, load_settings
from twintrack.memory.checkpoints import VersionedRedisSaver

CAPABILITIES = 8


async def conformance(source: RedisSource) -> CapabilityReport:
    """Return the suite's report; it leaves its threads behind."""

    @checkpointer_test(name="VersionedRedisSaver")
    async def ours() -> AsyncIterator[VersionedRedisSaver]:
        yield VersionedRedisSaver(source=source)

    return await validate(ours)


def complete(report: CapabilityReport) -> bool:
    """Tell whether every capability is there and nothing failed or was skipped."""
    results = report.results.values()
    return len(results) == CAPABILITIES and all(
        result.passed and not result.tests_failed and not result.tests_skipped for result in results
    )


async def _run(url: str | None) -> bool:
    settings = RedisSettings.model_validate({"url": url}) if url else load_settings().redis
    source = RedisSource(settings)
    report = await conformance(source)
    await source.aclose()
    report.print_report()
    for result in report.results.values():
        for failure in result.failures:
            sys.stdout.write(f"  {failure}\n")
    count = sum(result.tests_passed for result in report.results.values())
    skipped = sum(result.tests_skipped for result in report.results.values())
    sys.stdout.write(f"  {count} tests passed, {skipped} skipped\n")
    return complete(report)


def main() -> None:
    """Run the suite; exit with 1 unless all of it passed."""
    url = sys.argv[1] if len(sys.argv) > 1 else None
    sys.exit(0 if asyncio.run(_run(url)) else 1)


if __name__ == "__main__":
    main()
