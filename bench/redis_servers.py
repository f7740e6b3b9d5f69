"""Starts the kinds of Redis that the saver has to work on: without modules, a cluster, behind Sentinel."""

import random
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from twintrack.core.errors import RedisUnavailable
from twintrack.core.redis_binaries import find_server

SLOTS = ((0, 5460), (5461, 10922), (10923, 16383))
START_S = 30.0
_PORTS = range(20_000, 50_000)
"""Below what the system hands out by itself, and low enough for a cluster's bus at port + 10,000."""


def free_port() -> int:
    """Return a port that is free now, its neighbour and the cluster bus port above it too."""
    while True:
        port = random.choice(_PORTS)
        if all(_is_free(number) for number in (port, port + 1, port + 10_000)):
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


@contextmanager
def plain_redis(folder: Path) -> Iterator[str]:
    """Run a Redis without any module; yield its URL."""
    with _server(folder) as port:
        yield f"redis://127.0.0.1:{port}"


@contextmanager
def cluster(folder: Path) -> Iterator[str]:
    """Run a cluster of three nodes without modules; yield its URL."""
    with ExitStack() as stack:
        ports = [stack.enter_context(_server(folder, "--cluster-enabled", "yes")) for _ in SLOTS]
        _join([stack.enter_context(Redis(host="127.0.0.1", port=port)) for port in ports], ports)
        yield "redis+cluster://" + ",".join(f"127.0.0.1:{port}" for port in ports)


def _join(nodes: list[Any], ports: list[int]) -> None:
    for node, (first, last) in zip(nodes, SLOTS, strict=True):
        node.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)
        node.execute_command("CLUSTER", "MEET", "127.0.0.1", ports[0])
    for node in nodes:
        _until(partial(_knows_all, node, len(ports)))


def _knows_all(node: Any, count: int) -> bool:
    is_up = node.execute_command("CLUSTER INFO")["cluster_state"] == "ok"
    return bool(is_up and len(node.execute_command("CLUSTER NODES")) == count)


@contextmanager
def sentinel(folder: Path) -> Iterator[str]:
    """Run a Redis without modules and a Sentinel that watches it; yield the Sentinel's URL."""
    with _server(folder) as master:
        file = folder / "sentinel.conf"
        file.write_text(f"sentinel monitor watched 127.0.0.1 {master} 1\n")
        with _server(folder, "--sentinel", configuration=file) as port:
            yield f"redis+sentinel://127.0.0.1:{port}/watched/0"


@contextmanager
def _server(folder: Path, *words: str, configuration: Path | None = None) -> Iterator[int]:
    port = free_port()
    data = folder / str(port)
    data.mkdir()
    program = str(find_server(folder / "bin").executable)
    options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(data)]
    keeps = [] if configuration else ["--save", ""]
    command = [program, *([str(configuration)] if configuration else []), *options, *keeps, *words]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)  # noqa: S603 - ours
    try:
        with Redis(host="127.0.0.1", port=port) as client:
            _until(lambda: bool(client.ping()))
        yield port
    finally:
        server.kill()
        server.wait()


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        with suppress(RedisError):
            if condition():
                return
        time.sleep(0.02)
    raise RedisUnavailable("A Redis started for this run does not come up.", fix="try again on a less busy machine")
