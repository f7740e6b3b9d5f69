"""Each form of URL opens the client it names; pools wait; retries end."""

import asyncio
import re
import time
import traceback
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from redis import exceptions
from redis.asyncio import BlockingConnectionPool, Redis, RedisCluster
from redis.asyncio.connection import Connection, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.sentinel import SentinelManagedConnection, SentinelManagedSSLConnection

from twintrack.core.embedded_redis import EmbeddedRedis
from twintrack.core.errors import SettingsError
from twintrack.core.redis_connection import BlockingSentinelPool, BoundedRetry, EmbeddedConnection, open_client
from twintrack.core.settings import RedisSettings


def opened(url: str | None, **settings: Any) -> Any:
    secret = None if url is None else SecretStr(url)
    return open_client(RedisSettings(url=secret, **settings), EmbeddedRedis(Path("unused")))


@pytest.mark.parametrize(
    ("url", "connection", "options"),
    [
        ("redis://ann:p%40ss@host:7000/3", Connection, {"host": "host", "port": 7000, "db": 3, "password": "p@ss"}),
        ("rediss://host:7000", SSLConnection, {"host": "host", "port": 7000}),
        ("unix://:secret@/run/a%20b.sock", UnixDomainSocketConnection, {"path": "/run/a b.sock", "password": "secret"}),
        (None, EmbeddedConnection, {}),
    ],
)
async def test_a_url_opens_the_client_it_names(url: str | None, connection: type, options: dict[str, Any]) -> None:
    client = opened(url, max_connections=7, timeout_s=3)
    pool = client.connection_pool
    assert isinstance(pool, BlockingConnectionPool)
    assert issubclass(pool.connection_class, connection)
    assert (pool.max_connections, pool.timeout) == (7, 3)
    assert pool.connection_kwargs["socket_timeout"] == 3
    assert options.items() <= pool.connection_kwargs.items()


@pytest.mark.parametrize(
    "url",
    [
        "redis+cluster://ann:secret@one:7001,two:7002",
        "redis://ann:secret@one:7001,two:7002",
        "redis://ann:secret@one:7001,two:7002?cluster=true",
    ],
)
async def test_each_form_of_a_clusters_url_opens_a_cluster(url: str) -> None:
    client = opened(url)
    assert isinstance(client, RedisCluster)
    assert {"one:7001", "two:7002"} == {node.name for node in client.startup_nodes}
    assert client.connection_kwargs["password"] == "secret"
    assert isinstance(opened("redis://one:7001/0?cluster=true&socket_timeout=3"), RedisCluster)
    assert isinstance(opened("redis://:a%2Cb@one:7001/0"), Redis)


@pytest.mark.parametrize(
    ("scheme", "connection"),
    [("redis", SentinelManagedConnection), ("rediss", SentinelManagedSSLConnection)],
)
async def test_a_sentinel_url_follows_the_master(scheme: str, connection: type) -> None:
    url = f"{scheme}+sentinel://ann:secret@one:26379,[::1]:26380/the%20master/2?sentinel_password=other"
    pool = opened(url, max_connections=7).connection_pool
    assert isinstance(pool, BlockingSentinelPool)
    assert isinstance(pool, BlockingConnectionPool)
    assert issubclass(pool.connection_class, connection)
    assert (pool.service_name, pool.max_connections) == ("the master", 7)
    assert {"db": 2, "username": "ann", "password": "secret"}.items() <= pool.connection_kwargs.items()
    asked = [sentinel.connection_pool.connection_kwargs for sentinel in pool.sentinel_manager.sentinels]
    assert [(one["host"], one["port"], one["password"]) for one in asked] == [
        ("one", 26379, "other"),
        ("::1", 26380, "other"),
    ]


@pytest.mark.parametrize(("scheme", "connection"), [("redis", Connection), ("rediss", SSLConnection)])
async def test_a_cluster_url_names_its_first_nodes(scheme: str, connection: type) -> None:
    client = opened(f"{scheme}+cluster://ann:secret@one:7000,two:7001")
    assert isinstance(client, RedisCluster)
    assert {(node.host, node.port) for node in client.nodes_manager.startup_nodes.values()} == {
        ("one", 7000),
        ("two", 7001),
    }
    assert client.connection_kwargs["password"] == "secret"
    assert client.connection_kwargs["connection_class"] is connection


@pytest.mark.parametrize(
    "url",
    [
        "localhost:6379",
        "http://host",
        "redis://host:port",
        "redis+sentinel://host:26379",
        "redis+sentinel://host/master",
        "redis+cluster://host",
        "redis://host?socket_timeout=soon",
    ],
)
async def test_a_url_of_no_known_form_is_refused_without_its_password(url: str) -> None:
    url = url.replace("://", "://ann:hush@")
    with pytest.raises(SettingsError, match=re.escape("redis://user:password@host:port/db")) as caught:
        opened(url)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["redis", "rediss", "unix", "redis+sentinel", "redis+cluster", "http", "nothing"])
@given(password=st.text("abcXYZ019/?#[]:@%é ", min_size=6, max_size=24), tail=st.sampled_from(["host:6379", "h", "/s"]))
def test_no_part_of_a_password_is_shown_whatever_the_url(scheme: str, password: str, tail: str) -> None:
    password = f"s3cr{password}hush"
    for between in (":", "ann:", ""):
        try:
            opened(f"{scheme}://{between}{password}@{tail}")
        except SettingsError as error:
            shown = "".join(traceback.format_exception(error))
            message = str(error)
            assert "s3cr" not in message
            assert "hush" not in message
            assert "Port could not be cast" not in shown
        else:
            assert not set("/?#") & set(password)


async def test_a_password_with_a_slash_is_never_taken_for_a_host() -> None:
    for url in ("redis://:s3cr3tpass/word@host:6379", "redis://s3cr3t/word@host", "redis://u:12/34@host"):
        with pytest.raises(SettingsError, match="percent-encode the password") as caught:
            opened(url)
        assert "s3cr" not in str(caught.value)
        assert caught.value.__cause__ is caught.value.__context__ is None


async def test_a_full_pool_makes_the_next_caller_wait(redis_url: str) -> None:
    client = opened(redis_url, max_connections=4, timeout_s=5)
    try:
        await asyncio.gather(*(client.blpop([f"empty:{number}"], timeout=0.1) for number in range(12)))
        assert client.connection_pool.get_connection_count() is not None
        assert len(client.connection_pool._available_connections) <= 4
    finally:
        await client.aclose()


class Faults:
    """Fails a number of times, then answers."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls = 0

    async def __call__(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


async def ignore(_: Exception) -> None:
    """Stand in for the disconnect between two tries."""


@pytest.mark.parametrize("error", [exceptions.ConnectionError("lost"), exceptions.TimeoutError("late")])
async def test_a_lost_connection_is_tried_again(error: Exception) -> None:
    do = Faults(error, error)
    assert await BoundedRetry(attempts=3, seconds=10).call_with_retry(do, ignore) == "done"
    assert do.calls == 3


@pytest.mark.parametrize(
    "error",
    [
        exceptions.AuthenticationError("wrong"),
        exceptions.AuthorizationError("no"),
        exceptions.MaxConnectionsError("full"),
        exceptions.ResponseError("syntax"),
        exceptions.OutOfMemoryError("OOM"),
        ValueError("mine"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_nothing_else_is_tried_again(error: Exception) -> None:
    do = Faults(error, error)
    with pytest.raises(type(error)):
        await BoundedRetry(attempts=5, seconds=10).call_with_retry(do, ignore)
    assert do.calls == 1


async def test_tries_are_bounded_in_number_and_in_time() -> None:
    many = Faults(*[exceptions.ConnectionError("lost")] * 50)
    with pytest.raises(exceptions.ConnectionError):
        await BoundedRetry(attempts=3, seconds=10).call_with_retry(many, ignore)
    assert many.calls == 3
    long = Faults(*[exceptions.ConnectionError("lost")] * 50)
    with pytest.raises(exceptions.ConnectionError):
        await BoundedRetry(attempts=50, seconds=0.2).call_with_retry(long, ignore)
    assert long.calls < 50


async def test_no_server_is_said_soon() -> None:
    client: Redis = opened("redis://127.0.0.1:1")
    start = time.monotonic()
    with pytest.raises(exceptions.ConnectionError):
        await client.ping()
    assert time.monotonic() - start < 5
    await client.aclose()
