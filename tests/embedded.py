"""What the tests of the embedded Redis start, look at and wait for."""

import fcntl
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.waiting import PATIENCE_S
from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import RedisSettings

USER = """
import sys
from pathlib import Path
from twintrack.core.embedded_redis import EmbeddedRedis
server = EmbeddedRedis(Path(sys.argv[1]))
server.ensure_running()
print("ready", flush=True)
sys.stdin.readline()
"""


def user(data_dir: Path) -> "subprocess.Popen[str]":
    """Start another process that uses the server."""
    process = subprocess.Popen(
        [sys.executable, "-c", USER, str(data_dir)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def ended(process: "subprocess.Popen[str]") -> int:
    """Let the other process go on to its end."""
    process.communicate("go\n", timeout=PATIENCE_S)
    return process.returncode


def killed(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.communicate(timeout=PATIENCE_S)


def pid_of(data_dir: Path) -> int:
    return int((data_dir / "redis" / "redis.pid").read_text())


def is_running(data_dir: Path) -> bool:
    """Tell whether a server holds the folder's lock."""
    with (data_dir / "redis" / "server.lock").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def soon(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE_S
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def source_of(data_dir: Path) -> RedisSource:
    return RedisSource(RedisSettings(data_dir=data_dir))
