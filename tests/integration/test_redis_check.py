"""A server that cannot do the work is refused with the fix before anything relies on it; the others are told apart."""

import asyncio
import contextlib
import json
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from redis.exceptions import ConnectionError as RedisConnectionError

from tests.ports import free_port
from tests.waiting import PATIENCE_S
from twintrack.core.errors import RedisUnavailable
from twintrack.core.redis_binaries import find_server
from twintrack.core.redis_check import check_server
from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import RedisSettings

pytestmark = pytest.mark.usefixtures("redis_url")  # skips, or fails in CI, where no server can be started


@asynccontextmanager
async def source_at(url: str, **settings: Any) -> AsyncIterator[RedisSource]:
    source = RedisSource(RedisSettings.model_validate({"url": url, **settings}))
    try:
        yield source
    finally:
        await source.aclose()


@contextlib.contextmanager
def running(command: list[str]) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def bare_server(folder: Path, *options: str) -> Iterator[str]:
    """Run the server program with no module; yield its URL."""
    socket = folder / "bare.sock"
    program = str(find_server(folder).executable)
    with running([program, "--port", "0", "--unixsocket", str(socket), "--dir", str(folder), "--save", "", *options]):
        yield f"unix://{socket}"


async def until_up(source: RedisSource) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with contextlib.suppress(RedisConnectionError):
                await source.client().ping()
                return


async def read_command(reader: asyncio.StreamReader) -> list[str]:
    words = []
    for _ in range(int((await reader.readuntil(b"\r\n"))[1:])):
        size = int((await reader.readuntil(b"\r\n"))[1:])
        words.append((await reader.readexactly(size + 2))[:-2].decode())
    return words


@asynccontextmanager
async def old_server(version: str, *, speaks_resp3: bool) -> AsyncIterator[str]:
    """Answer as a Redis of another version does; yield its URL."""
    info = f"# Server\r\nredis_version:{version}\r\naof_enabled:0\r\nmaxmemory_policy:noeviction\r\n"
    answers = {
        "PING": "+PONG\r\n",
        "INFO": f"${len(info)}\r\n{info}\r\n",
        "MODULE": "*0\r\n",
        "CLIENT": "+OK\r\n",
    } | ({"HELLO": "%1\r\n+proto\r\n:3\r\n"} if speaks_resp3 else {})

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while word := (await read_command(reader))[0].upper():
                unknown = f"-ERR unknown command `{word}`, with args beginning with: \r\n"
                writer.write(answers.get(word, unknown).encode())
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await server.wait_closed()


async def test_the_test_server_is_fit(source: RedisSource) -> None:
    report = await check_server(source)
    assert report.version.startswith("8.")
    assert {"search", "rejson"} <= report.modules.keys()
    assert report.modules["search"].startswith("2.1")
    assert report.persistence == "append-only file (fsync no)"
    assert report.memory_policy == "noeviction"
    assert 0 < report.latency_ms < 100
    assert report.warnings == ()


@pytest.mark.parametrize(("version", "speaks_resp3"), [("6.2.14", True), ("5.0.7", False)])
async def test_an_old_server_is_refused(version: str, speaks_resp3: bool) -> None:
    async with old_server(version, speaks_resp3=speaks_resp3) as url, source_at(url) as source:
        with pytest.raises(RedisUnavailable, match=r"(version 6\.2\.14|too old).*Fix: use Redis 8"):
            await check_server(source)


async def test_a_server_without_query_engine_is_refused(tmp_path: Path) -> None:
    with bare_server(tmp_path) as url:
        async with source_at(url) as source:
            await until_up(source)
            with pytest.raises(RedisUnavailable, match=r"no query engine.*Fix: use Redis 8"):
                await check_server(source)
            schema = {"index": {"name": "ix", "prefix": "ix"}, "fields": [{"name": "user", "type": "tag"}]}
            with pytest.raises(RedisUnavailable, match=r"no query engine.*Fix: use Redis 8"):
                await source.index(schema)


async def test_a_server_without_json_is_refused(tmp_path: Path) -> None:
    (search, arguments), _ = find_server(tmp_path).modules
    with bare_server(tmp_path, "--loadmodule", str(search), *arguments.split()) as url:
        async with source_at(url) as source:
            await until_up(source)
            with pytest.raises(RedisUnavailable, match=r"no JSON.*Fix: use Redis 8"):
                await check_server(source)


@pytest.mark.parametrize("given", [":wrong@", ""])
async def test_a_wrong_or_missing_password_is_refused(redis_url: str, given: str) -> None:
    async with source_at(f"unix://{given}{redis_url.partition('@')[2]}") as source:
        with pytest.raises(RedisUnavailable, match=r"refused the user or.*Fix: correct .*TWINTRACK_REDIS__URL"):
            await check_server(source)


async def test_a_wrong_password_is_not_tried_again(source: RedisSource, redis_url: str) -> None:
    await source.client().acl_log_reset()
    async with source_at(f"unix://:wrong@{redis_url.partition('@')[2]}") as wrong:
        with pytest.raises(RedisUnavailable):
            await check_server(wrong)
    assert [refused["count"] for refused in await source.client().acl_log()] == [1]


async def test_no_server_is_said_with_the_way_to_start_one() -> None:
    async with source_at("redis://127.0.0.1:1") as source:
        with pytest.raises(RedisUnavailable, match=r"cannot be reached.*Fix: .*docker run"):
            await check_server(source)


async def test_what_may_lose_data_is_a_warning(tmp_path: Path) -> None:
    modules = [
        word
        for module, arguments in find_server(tmp_path).modules
        for word in ("--loadmodule", str(module), *arguments.split())
    ]
    limits = ("--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")
    with bare_server(tmp_path, *modules, *limits) as url:
        async with source_at(url) as source:
            await until_up(source)
            report = await check_server(source)
            await source.client().config_set("save", "60 1000")
            saved = await check_server(source)
    assert report.persistence == "none"
    lost, evicted = report.warnings
    assert "restart loses all. Fix: `redis-cli CONFIG SET appendonly yes`" in lost
    assert "allkeys-lru deletes data. Fix: `redis-cli CONFIG SET maxmemory-policy noeviction`" in evicted
    assert saved.persistence == "snapshots (60 1000)"
    assert "last snapshot" in saved.warnings[0]


async def test_a_user_who_may_not_read_the_servers_settings_still_gets_a_report(
    source: RedisSource, redis_url: str
) -> None:
    client = source.client()
    await client.acl_setuser("guest", enabled=True, passwords=["+guest"], categories=["+@all"], commands=["-config"])
    try:
        async with source_at(f"unix://guest:guest@{redis_url.partition('@')[2]}") as limited:
            assert (await check_server(limited)).persistence == "append-only file (fsync unknown)"
    finally:
        await client.acl_deluser("guest")


async def test_describe_names_the_server_but_not_the_password(source: RedisSource, redis_url: str) -> None:
    said = await source.describe()
    password, _, path = redis_url.removeprefix("unix://:").partition("@")
    assert path in said
    assert said.startswith("Redis 8.")
    assert password not in said


@pytest.mark.slow
async def test_a_sentinel_leads_to_its_master(tmp_path: Path, free_port: int) -> None:
    program = find_server(tmp_path).executable
    master, watcher = tmp_path / "master", tmp_path / "watcher"
    port, sentinel_port = free_port, free_port + 1
    for folder in (master, watcher):
        folder.mkdir()
    conf = watcher / "sentinel.conf"
    conf.write_text(
        f"port {sentinel_port}\nbind 127.0.0.1\ndir {watcher}\nsentinel monitor main 127.0.0.1 {port} 1\n"
        f"sentinel auth-pass main hush\n"
    )
    options = ["--bind", "127.0.0.1", "--requirepass", "hush", "--dir", str(master), "--save", ""]
    commands = ([str(program), "--port", str(port), *options], [str(program), str(conf), "--sentinel"])
    with running(commands[0]), running(commands[1]):
        async with source_at(f"redis+sentinel://:hush@127.0.0.1:{sentinel_port}/main/1") as source:
            await until_up(source)
            assert await source.client().set("key", "value")
            assert (await source.client().info("keyspace"))["db1"]["keys"] == 1


@pytest.mark.slow
async def test_a_cluster_takes_keys_of_any_slot(tmp_path: Path, free_port: int) -> None:
    options = ("--port", str(free_port), "--bind", "127.0.0.1", "--cluster-enabled", "yes")
    with bare_server(tmp_path, *options):
        async with source_at(f"redis://127.0.0.1:{free_port}") as node:
            await until_up(node)
            client: Any = node.client()
            await client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
            for _ in range(1000):
                if "cluster_state:ok" in str(await client.execute_command("CLUSTER", "INFO")):
                    break
                await asyncio.sleep(0.05)
        async with source_at(f"redis+cluster://127.0.0.1:{free_port}") as source:
            for number in range(20):
                await source.client().set(f"key:{number}", number)
            assert await source.client().get("key:7") == b"7"


@pytest.fixture(name="free_port")
def port_of_a_server() -> int:
    return free_port()


def doctor(monkeypatch: pytest.MonkeyPatch, *options: str, **variables: str) -> tuple[int, str]:
    from twintrack.app.doctor import command

    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    done = CliRunner().invoke(command, [*options])
    return done.exit_code, done.stdout


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """Keep this machine's own settings and keys out of what the doctor sees."""
    import os

    for name in os.environ:
        if name.startswith(("TWINTRACK_", "LANGFUSE_", "OPENAI_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return monkeypatch


def test_the_doctor_finds_a_healthy_machine_healthy(clean: pytest.MonkeyPatch, redis_url: str) -> None:
    code, said = doctor(clean, "--json", TWINTRACK_REDIS__URL=redis_url)
    report = json.loads(said)
    checks = {check["check"]: check for check in report["checks"]}
    assert (code, report["ok"]) == (0, True)
    for name in ("settings", "redis", "redis modules", "redis persistence", "redis memory policy", "embedder"):
        assert checks[name]["status"] == "ok"
    assert "extractive mode" in checks["models"]["found"]
    assert "LANGFUSE_PUBLIC_KEY" in checks["langfuse"]["fix"]


def test_the_doctor_names_each_trouble_and_its_fix(clean: pytest.MonkeyPatch) -> None:
    code, said = doctor(
        clean,
        "--json",
        TWINTRACK_REDIS__URL="redis://127.0.0.1:1",
        TWINTRACK_MODELS__ANSWERER="openai:gpt-4.1-mini",
        LANGFUSE_PUBLIC_KEY="pk",
        LANGFUSE_SECRET_KEY="sk",
        LANGFUSE_BASE_URL="http://127.0.0.1:1",
    )
    report = json.loads(said)
    broken = {check["check"]: check["fix"] for check in report["checks"] if check["status"] == "broken"}
    assert (code, report["ok"]) == (1, False)
    assert "docker run" in broken["redis"]
    assert "OPENAI_API_KEY" in broken["model: answerer"]
    assert "LANGFUSE_BASE_URL" in broken["langfuse"]


def test_the_doctor_says_what_setting_is_wrong(clean: pytest.MonkeyPatch) -> None:
    code, said = doctor(clean, TWINTRACK_REDIS__TIMEOUT_S="soon")
    assert code == 1
    assert "TWINTRACK_REDIS__TIMEOUT_S" in "".join(said.split()).replace("│", "")
