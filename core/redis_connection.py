"""Opens Redis clients: every URL form, a pool that waits, bounded retries, embedded connections that heal."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast
from urllib.parse import unquote

from redis.asyncio import BlockingConnectionPool, Redis, RedisCluster, Sentinel
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.connection import UnixDomainSocketConnection, parse_url
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import SentinelConnectionPool
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import AuthenticationError, AuthorizationError, MaxConnectionsError

from twintrack.core.embedded_redis import EmbeddedRedis
from twintrack.core.errors import SettingsError
from twintrack.core.redis_wire import WiredRedis
from twintrack.core.settings import RedisSettings

T = TypeVar("T")

ATTEMPTS = 5
"""Tries of one command, the first one included."""
HOPELESS = (AuthenticationError, AuthorizationError, MaxConnectionsError)
"""Connection errors that another try does not mend."""
FORMS = (
    "redis://user:password@host:port/db, rediss://... for TLS, unix://:password@/path/to/socket, "
    "redis+sentinel://host:port,host:port/master/db or redis+cluster://host:port,host:port"
)


class BoundedRetry(Retry):
    """Tries a command again after a lost connection or a time-out: so many times, and for so long."""

    def __init__(self, *, attempts: int, seconds: float) -> None:
        super().__init__(ExponentialWithJitterBackoff(cap=0.5, base=0.05), attempts - 1)
        self.seconds = seconds

    async def call_with_retry(
        self,
        do: Callable[[], Awaitable[T]],
        fail: Callable[..., Any],
        is_retryable: Callable[[Exception], bool] | None = None,
        with_failure_count: bool = False,
    ) -> T:
        """Run `do` until it succeeds, fails for another reason, or a bound is reached."""
        deadline = time.monotonic() + self.seconds

        def worth_another_try(error: Exception) -> bool:
            if isinstance(error, HOPELESS) or time.monotonic() > deadline:
                return False
            return is_retryable is None or is_retryable(error)

        return await super().call_with_retry(do, fail, worth_another_try, with_failure_count)


class EmbeddedConnection(UnixDomainSocketConnection):
    """Makes sure the embedded server runs before each connect, so every client heals when the server died."""

    def __init__(self, *, server: EmbeddedRedis, **options: Any) -> None:
        super().__init__(**options)
        self.server = server

    async def connect_check_health(self, check_health: bool = True, retry_socket_connect: bool = True) -> None:
        """Start the server if it does not run, then connect to it."""
        if not self.is_connected:
            address = await asyncio.to_thread(self.server.ensure_running)
            self.path, self.password = str(address.socket), address.password
        await super().connect_check_health(check_health, retry_socket_connect)


class BlockingSentinelPool(SentinelConnectionPool, BlockingConnectionPool):
    """A pool that follows the master and waits for a free connection."""

    async def aclose(self) -> None:
        """Close the connections to the master and to the sentinels."""
        await super().aclose()
        await self.sentinel_manager.aclose()


def open_client(settings: RedisSettings, server: EmbeddedRedis) -> Redis:
    """Return a client of what the settings name; does no I/O.

    Raises:
        SettingsError: the URL has none of the known forms.
    """
    if settings.url is None:
        pool = BlockingConnectionPool(connection_class=EmbeddedConnection, server=server, **_pool_options(settings))
        return WiredRedis.from_pool(pool)
    try:
        return _open_url(settings.url.get_secret_value(), settings)
    except _Unusable as error:
        problem = str(error)
    except (ValueError, TypeError):
        problem = "it has none of the known forms"
    # Raised out here so that the vendor's words, which quote the URL, are no part of the trace either.
    raise SettingsError(
        f"The Redis URL in TWINTRACK_REDIS__URL cannot be used: {problem}.",
        fix=f"percent-encode the password (%2F for /, %40 for @), and write it as {FORMS}",
    )


class _Unusable(ValueError):
    """Says in our own words what is wrong with a URL, without any part of it."""


def _open_url(url: str, settings: RedisSettings) -> Redis:
    scheme, _, rest = url.partition("://")
    if "@" in _after_authority(rest):
        # The server's name would be read from the middle of the password, and shown when it is not found.
        raise _Unusable("a sign of its user or password ends it before the @")
    base, _, kind = scheme.partition("+")
    if kind == "sentinel":
        return _open_sentinel(base, rest, settings)
    if kind == "cluster":
        return _open_cluster(base, rest, settings)
    return WiredRedis.from_pool(BlockingConnectionPool.from_url(url, **_pool_options(settings)))


def _open_sentinel(base: str, rest: str, settings: RedisSettings) -> Redis:
    user, hosts, path, query = _parts(rest)
    master, _, database = path.partition("/")
    if not master:
        raise _Unusable("it names no master")
    options = _options(f"{base}://{user}localhost/{database}{query}", settings)
    asking = {"socket_timeout": settings.timeout_s, "password": options.pop("sentinel_password", None)}
    sentinels: Any = Sentinel(hosts, sentinel_kwargs=asking)  # type: ignore[no-untyped-call] # the vendor's own
    classes = {"redis_class": WiredRedis, "connection_pool_class": BlockingSentinelPool}
    return cast(Redis, sentinels.master_for(unquote(master), **classes, **options))


def _open_cluster(base: str, rest: str, settings: RedisSettings) -> Redis:
    user, hosts, path, query = _parts(rest)
    options = _options(f"{base}://{user}localhost/{path}{query}", settings)
    options.pop("timeout")
    nodes = [ClusterNode(host, port) for host, port in hosts]
    return cast(Redis, RedisCluster(startup_nodes=nodes, **options))


def _options(url: str, settings: RedisSettings) -> dict[str, Any]:
    """Return what a plain URL says about credentials, database, TLS and more, as keyword arguments."""
    said: dict[str, Any] = {**parse_url(url)}
    del said["host"]
    tls = said.pop("connection_class", None) is not None
    return _pool_options(settings) | said | {"ssl": tls}


def _after_authority(rest: str) -> str:
    end = min((place for sign in "/?#" if (place := rest.find(sign)) >= 0), default=len(rest))
    return rest[end:]


def _parts(rest: str) -> tuple[str, list[tuple[str, int]], str, str]:
    """Split `user:password@host:port,host:port/path?query`; the query keeps its question mark."""
    before, mark, query = rest.partition("?")
    authority, _, path = before.partition("/")
    user, at, hosts = authority.rpartition("@")
    pairs = []
    for host in hosts.split(","):
        name, _, port = host.rpartition(":")
        if not name or not port.isdigit():
            raise _Unusable("the part after @ is not host:port")
        pairs.append((name.strip("[]"), int(port)))
    return user + at, pairs, path, mark + query


def _pool_options(settings: RedisSettings) -> dict[str, Any]:
    return {
        "max_connections": settings.max_connections,
        "timeout": settings.timeout_s,
        "socket_timeout": settings.timeout_s,
        "socket_connect_timeout": settings.timeout_s,
        "retry": BoundedRetry(attempts=ATTEMPTS, seconds=settings.timeout_s),
    }
