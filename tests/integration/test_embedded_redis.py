"""The embedded server starts once, is shared, heals, keeps its data and leaves with its last user."""

import asyncio
import contextlib
import fcntl
import multiprocessing
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from twintrack.core.embedded_address import LONGEST_SOCKET_PATH, read_address
from twintrack.core.embedded_redis import EmbeddedRedis
from twintrack.core.errors import RedisUnavailable
from twintrack.core.redis_binaries import find_server
from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import RedisSettings

pytestmark = pytest.mark.usefixtures("redis_url")  # skips, or fails in CI, where no server can be started

USER = """
import sys
from pathlib import Path
from twintrack.core.embedded_redis import EmbeddedRedis
server = EmbeddedRedis(Path(sys.argv[1]))
server.ensure_running()
print("ready", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    """Give a data folder; a server left behind in it is stopped."""
    yield tmp_path
    EmbeddedRedis(tmp_path).leave()
    with contextlib.suppress(OSError):
        os.kill(pid_of(tmp_path), signal.SIGKILL)


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
    process.communicate("go\n", timeout=20)
    return process.returncode


def killed(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.communicate(timeout=20)


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
    deadline = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def source_of(data_dir: Path) -> RedisSource:
    return RedisSource(RedisSettings(data_dir=data_dir))


def test_making_the_object_and_importing_touch_nothing(tmp_path: Path) -> None:
    EmbeddedRedis(tmp_path / "absent")
    RedisSource(RedisSettings(data_dir=tmp_path / "absent"))
    assert list(tmp_path.iterdir()) == []
    code = (
        "import sys\n"
        "def watch(event, arguments):\n"
        "    bad = event in ('socket.connect', 'subprocess.Popen', 'os.mkdir') or (\n"
        "        event == 'open' and arguments[1] and set(str(arguments[1])) & set('wax+'))\n"
        "    if bad: raise SystemExit(f'{event} {arguments}')\n"
        "sys.dont_write_bytecode = True\n"
        "sys.addaudithook(watch)\n"
        "import twintrack.core.redis_client, twintrack.core.redis_check\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert list(tmp_path.iterdir()) == []


def test_it_starts_once_says_what_runs_and_stops_with_its_user(data_dir: Path) -> None:
    server = EmbeddedRedis(data_dir)
    assert server.ensure_running() == server.ensure_running()
    first = pid_of(data_dir)
    said = server.describe()
    for part in ("Redis 8", "search", "ReJSON", str(server.ensure_running().socket), str(data_dir)):
        assert part in said
    assert "\n" not in said
    assert server.ensure_running().password not in said
    assert pid_of(data_dir) == first
    server.leave()
    assert not is_running(data_dir)
    server.leave()


def test_only_this_user_can_read_the_password_and_no_port_is_open(data_dir: Path) -> None:
    server = EmbeddedRedis(data_dir)
    address = server.ensure_running()
    folder = data_dir / "redis"
    for name in ("password", "redis.conf"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(address.socket.stat().st_mode) == 0o700
    assert len(address.password) >= 32
    assert "\nport 0\n" in f"\n{(folder / 'redis.conf').read_text()}"
    shown = subprocess.run(["ps", "-ww", "-o", "command=", "-p", str(pid_of(data_dir))], capture_output=True, text=True)
    assert "redis-server" in shown.stdout
    assert address.password not in shown.stdout
    server.leave()


async def test_it_keeps_and_syncs_every_write(data_dir: Path) -> None:
    source = source_of(data_dir)
    settings = await source.client().config_get("append*", "save", "maxmemory-policy", "aof-load-truncated")
    assert settings["appendonly"] == "yes"
    assert settings["appendfsync"] == "always"
    assert settings["save"] == ""
    assert settings["maxmemory-policy"] == "noeviction"
    assert settings["aof-load-truncated"] == "yes"
    await source.aclose()


async def test_a_restart_keeps_data_password_and_indexes(data_dir: Path) -> None:
    schema = {"index": {"name": "ix", "prefix": "ix"}, "fields": [{"name": "user", "type": "tag"}]}
    source = source_of(data_dir)
    index = await source.index(schema)
    await source.client().hset("ix:1", mapping={"user": "Ann"})
    before = read_address(data_dir / "redis")
    await source.aclose()
    assert not is_running(data_dir)
    source = source_of(data_dir)
    assert (await (await source.index(schema)).search("@user:{Ann}")).total == 1
    assert read_address(data_dir / "redis") == before
    await source.aclose()
    del index


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


def test_two_processes_share_one_server_that_leaves_with_the_last(data_dir: Path) -> None:
    first, second = user(data_dir), user(data_dir)
    pid = pid_of(data_dir)
    assert ended(first) == 0
    assert is_running(data_dir)
    assert pid_of(data_dir) == pid
    assert ended(second) == 0
    assert not is_running(data_dir)


def test_a_killed_user_frees_its_place(data_dir: Path) -> None:
    first, second = user(data_dir), user(data_dir)
    killed(first)
    assert is_running(data_dir)
    assert ended(second) == 0
    assert not is_running(data_dir)


def test_a_server_left_by_killed_users_is_taken_over_and_then_stopped(data_dir: Path) -> None:
    killed(user(data_dir))
    pid = pid_of(data_dir)
    assert is_running(data_dir)
    server = EmbeddedRedis(data_dir)
    server.ensure_running()
    assert pid_of(data_dir) == pid
    server.leave()
    assert not is_running(data_dir)


@pytest.mark.slow
def test_four_processes_that_start_at_once_get_one_server(data_dir: Path) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", USER, str(data_dir)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    log = (data_dir / "redis" / "server.log").read_text()
    assert log.count("Ready to accept connections") == 1
    assert [ended(process) for process in processes] == [0] * 4
    assert not is_running(data_dir)


@pytest.mark.slow
def test_leaving_and_coming_at_the_same_time_never_breaks(data_dir: Path) -> None:
    processes = [user(data_dir)]
    for _ in range(4):
        assert processes[-1].stdin is not None
        processes[-1].stdin.write("go\n")
        processes[-1].stdin.flush()
        processes.append(user(data_dir))
    assert [ended(process) for process in processes[-1:]] == [0]
    for process in processes[:-1]:
        process.communicate(timeout=20)
        assert process.returncode == 0
    assert soon(lambda: not is_running(data_dir))


def test_an_interrupt_from_the_keyboard_does_not_reach_the_server(data_dir: Path) -> None:
    first = subprocess.Popen(
        [sys.executable, "-c", USER, str(data_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert first.stdout is not None
    assert first.stdout.readline() == "ready\n"
    second = user(data_dir)
    pid = pid_of(data_dir)
    os.killpg(first.pid, signal.SIGINT)
    first.communicate(timeout=20)
    assert first.returncode != 0
    assert is_running(data_dir)
    assert pid_of(data_dir) == pid
    assert ended(second) == 0


async def test_no_acknowledged_write_is_lost_when_the_server_is_killed_in_mid_traffic(data_dir: Path) -> None:
    source = source_of(data_dir)
    client = source.client()
    await client.ping()
    acknowledged: list[int] = []
    over = asyncio.Event()

    async def write(writer: int) -> None:
        number = writer
        while not over.is_set():
            await client.set(f"key:{number}", number)
            acknowledged.append(number)
            number += 16

    writers = [asyncio.create_task(write(writer)) for writer in range(16)]
    pids = set()
    for _ in range(3):
        await asyncio.sleep(0.3)
        pids.add(pid_of(data_dir))
        os.kill(pid_of(data_dir), signal.SIGKILL)
    await asyncio.sleep(0.5)
    over.set()
    await asyncio.gather(*writers)
    assert len(pids | {pid_of(data_dir)}) == 4
    found = await client.mget(*(f"key:{number}" for number in acknowledged))
    assert [int(value) for value in found if value is not None] == acknowledged
    assert len(acknowledged) > 100
    await source.aclose()


async def test_a_checkpoint_saver_outlives_its_server(data_dir: Path) -> None:
    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import empty_checkpoint

    from twintrack.memory.checkpoints import VersionedRedisSaver

    source = source_of(data_dir)
    saver = VersionedRedisSaver(redis_client=source.client())
    await saver.asetup()
    config: RunnableConfig = {"configurable": {"thread_id": "thread", "checkpoint_ns": ""}}
    checkpoint = empty_checkpoint()
    await saver.aput(config, checkpoint, {}, {})
    os.kill(pid_of(data_dir), signal.SIGKILL)
    found = await saver.aget_tuple(config)
    assert found is not None
    assert found.checkpoint["id"] == checkpoint["id"]
    await source.aclose()


def test_a_deleted_folder_is_made_anew(data_dir: Path) -> None:
    server = EmbeddedRedis(data_dir)
    server.ensure_running()
    os.kill(pid_of(data_dir), signal.SIGKILL)
    shutil.rmtree(data_dir / "redis")
    server.ensure_running()
    assert is_running(data_dir)
    server.leave()
    assert not is_running(data_dir)


def test_whichever_process_notices_restarts_the_server_for_all(data_dir: Path) -> None:
    first, second = EmbeddedRedis(data_dir), EmbeddedRedis(data_dir)
    address = first.ensure_running()
    assert second.ensure_running() == address
    os.kill(pid_of(data_dir), signal.SIGKILL)
    assert second.ensure_running() == address
    pid = pid_of(data_dir)
    assert first.ensure_running() == address
    assert pid_of(data_dir) == pid
    first.leave()
    assert is_running(data_dir)
    second.leave()
    assert not is_running(data_dir)


async def test_each_running_loop_has_its_own_client(data_dir: Path) -> None:
    source = source_of(data_dir)
    here = source.client()
    assert source.client() is here

    async def elsewhere() -> bool:
        client = source.client()
        assert await client.set("from", "another loop")
        await source.aclose()
        return client is not here

    assert await asyncio.to_thread(asyncio.run, elsewhere())
    assert await here.get("from") == b"another loop"
    assert is_running(data_dir)
    await source.aclose()
    assert not is_running(data_dir)


def test_a_forked_child_takes_a_place_of_its_own(data_dir: Path) -> None:
    server = EmbeddedRedis(data_dir)
    server.ensure_running()
    child = multiprocessing.get_context("fork").Process(target=server.ensure_running)
    child.start()
    child.join(20)
    assert child.exitcode == 0
    assert is_running(data_dir)
    server.leave()
    assert not is_running(data_dir)


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
    server.leave()


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
