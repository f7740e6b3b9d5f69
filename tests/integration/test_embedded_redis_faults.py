"""Odd folders, leftovers and broken files: the embedded server starts all the same, or says why it cannot."""

import os
import re
import secrets
import shutil
import signal
import stat
from pathlib import Path

import pytest

from tests.embedded import is_running, pid_of, soon, source_of
from twintrack.core.embedded_address import LONGEST_SOCKET_PATH
from twintrack.core.embedded_redis import CONFIGURATION, EmbeddedRedis
from twintrack.core.errors import RedisUnavailable
from twintrack.core.redis_binaries import find_server

pytestmark = pytest.mark.usefixtures("redis_url")  # skips, or fails in CI, where no server can be started


@pytest.mark.parametrize("name", ["a b", 'quo"te', "back\\slash", "数据", "x" * 120])
def test_any_folder_name_works(tmp_path: Path, name: str) -> None:
    server = EmbeddedRedis(tmp_path / name)
    address = server.ensure_running()
    try:
        assert len(os.fsencode(address.socket)) <= LONGEST_SOCKET_PATH
        assert EmbeddedRedis(tmp_path / name).folder == server.folder
        assert server.ensure_running() == address
        assert (tmp_path / name / "redis" / "appendonlydir").is_dir()
    finally:
        server.leave()
    if address.socket.parent != server.folder:
        address.socket.parent.rmdir()


def test_stale_socket_and_process_files_are_no_hindrance(data_dir: Path) -> None:
    folder = data_dir / "redis"
    folder.mkdir()
    (folder / "redis.sock").write_text("no socket")
    (folder / "redis.pid").write_text("1")
    server = EmbeddedRedis(data_dir)
    server.ensure_running()
    assert stat.S_ISSOCK((folder / "redis.sock").stat().st_mode)
    assert pid_of(data_dir) != 1
    assert is_running(data_dir)
    server.leave()
    assert not is_running(data_dir)


def test_a_wrong_password_file_is_named_with_the_fix(data_dir: Path) -> None:
    server = EmbeddedRedis(data_dir)
    server.ensure_running()
    kept = (data_dir / "redis" / "password").read_text()
    (data_dir / "redis" / "password").write_text("other")
    other = EmbeddedRedis(data_dir)
    with pytest.raises(RedisUnavailable, match=r"does not take the password.*Fix: stop the process"):
        other.ensure_running()
    other.leave()
    (data_dir / "redis" / "password").write_text(kept)
    server.leave()


def test_a_server_that_cannot_start_says_why(data_dir: Path) -> None:
    folder = data_dir / "redis"
    (folder / "appendonlydir").mkdir(parents=True)
    (folder / "appendonlydir" / "appendonly.aof.manifest").write_text("garbage\n")
    server = EmbeddedRedis(data_dir)
    with pytest.raises(RedisUnavailable, match=r"stopped while it was starting.*Fix: read .*server\.log"):
        server.ensure_running()
    server.leave()


def test_a_folder_that_is_a_file_is_named_with_the_fix(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RedisUnavailable, match=r"cannot be used.*TWINTRACK_REDIS__DATA_DIR"):
        EmbeddedRedis(tmp_path / "file").ensure_running()


def test_wheels_without_execute_bits_are_mended(tmp_path: Path) -> None:
    found = find_server(tmp_path / "spare")
    bin_dir, lib_dir = tmp_path / "bin", tmp_path / "lib" / "redis" / "modules"
    bin_dir.mkdir()
    lib_dir.mkdir(parents=True)
    shutil.copyfile(found.executable, bin_dir / "redis-server")
    for module, _ in found.modules:
        shutil.copyfile(module, lib_dir / module.name)
    from twintrack.core.redis_binaries import ServerBinaries, _made_runnable

    bare = ServerBinaries(bin_dir / "redis-server", tuple((lib_dir / m.name, "") for m, _ in found.modules), "test")
    assert bare.version() is None
    mended = _made_runnable(bare, tmp_path / "spare")
    assert mended.version() == found.version()
    assert all(os.access(module, os.X_OK) for module, _ in mended.modules)


def test_a_deleted_folder_is_made_anew(data_dir: Path) -> None:
    server = EmbeddedRedis(data_dir)
    server.ensure_running()
    os.kill(pid_of(data_dir), signal.SIGKILL)
    shutil.rmtree(data_dir / "redis")
    server.ensure_running()
    assert is_running(data_dir)
    server.leave()
    assert not is_running(data_dir)


async def test_a_broken_off_last_write_does_not_keep_the_server_from_starting(data_dir: Path) -> None:
    source = source_of(data_dir)
    for number in range(20):
        await source.client().set(f"key{number}", "value")
    await source.aclose()
    (log,) = (data_dir / "redis" / "appendonlydir").glob("*.incr.aof")
    os.truncate(log, log.stat().st_size - 7)
    source = source_of(data_dir)
    assert await source.client().dbsize() == 19
    await source.aclose()


@pytest.mark.parametrize(("heeds", "ping_s"), [("65536", 10.0), ("104857600", 0.5)], ids=["told", "silent"])
async def test_a_server_that_reads_for_long_is_waited_for(
    data_dir: Path, heeds: str, ping_s: float, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    source = source_of(data_dir)
    for number in range(100):
        await source.client().set(f"key{number}", secrets.token_bytes(4096))
    await source.client().bgrewriteaof()
    assert soon(lambda: bool([*(data_dir / "redis" / "appendonlydir").glob("*.2.base.rdb")]))
    await source.aclose()
    slow = f"{CONFIGURATION}key-load-delay 8000\nloading-process-events-interval-bytes {heeds}\n"
    monkeypatch.setattr("twintrack.core.embedded_redis.CONFIGURATION", slow)
    monkeypatch.setattr("twintrack.core.embedded_ping.TELL_S", 0.1)
    monkeypatch.setattr("twintrack.core.embedded_ping.PING_S", ping_s)
    source = source_of(data_dir)
    assert await source.client().dbsize() == 100
    await source.aclose()
    assert bool(re.search(r"reads its data back: \d+ % so far", caplog.text)) == (heeds == "65536")
