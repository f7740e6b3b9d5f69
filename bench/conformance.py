"""Prints how the checkpoint saver does in LangGraph's own conformance suite.

Run as `python -m twintrack.bench.conformance [redis url]`; without a URL it starts each kind of server it has to work on.
"""

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.checkpoint.conformance.report import CapabilityReport

from twintrack.bench.redis_servers import cluster, plain_redis, sentinel
from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import RedisSettings
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


async def _run(name: str, settings: RedisSettings) -> bool:
    source = RedisSource(settings)
    try:
        report = await conformance(source)
    finally:
        await source.aclose()
    sys.stdout.write(f"\n{name}\n")
    report.print_report()
    for result in report.results.values():
        for failure in result.failures:
            sys.stdout.write(f"  {failure}\n")
    passed, failed, skipped = (
        sum(getattr(result, count) for result in report.results.values())
        for count in ("tests_passed", "tests_failed", "tests_skipped")
    )
    sys.stdout.write(f"  {passed} tests passed, {failed} failed, {skipped} skipped\n")
    return complete(report)


@contextmanager
def _servers(url: str | None) -> Iterator[dict[str, RedisSettings]]:
    if url:
        yield {"the Redis given": RedisSettings.model_validate({"url": url})}
        return
    with tempfile.TemporaryDirectory(prefix="twintrack-conformance-") as name, ExitStack() as stack:
        folder = Path(name)
        urls = {
            "Redis without modules": stack.enter_context(plain_redis(folder)),
            "a cluster of three nodes": stack.enter_context(cluster(folder)),
            "Redis behind Sentinel": stack.enter_context(sentinel(folder)),
        }
        embedded = {"the embedded Redis": RedisSettings.model_validate({"data_dir": folder / "embedded"})}
        yield embedded | {kind: RedisSettings.model_validate({"url": url}) for kind, url in urls.items()}


def main() -> None:
    """Run the suite on every kind of server; exit with 1 unless all of it passed on each."""
    with _servers(sys.argv[1] if len(sys.argv) > 1 else None) as servers:
        passed = [asyncio.run(_run(name, settings)) for name, settings in servers.items()]
    sys.exit(0 if all(passed) else 1)


if __name__ == "__main__":
    main()
