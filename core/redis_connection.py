"""Opens Redis clients: every URL form, a pool that waits, bounded retries, embedded connections that heal."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar, cast
from urllib.parse import unquote

from redis.asyncio import BlockingConnectionPool, Redis, RedisCluster, Sentinel
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.connection import AbstractConnection, UnixDomainSocketConnection, parse_url
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
"""Connection errors that another try does not mend; redis-py passes some on within another one."""
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
            if isinstance(error, HOPELESS) or isinstance(error.__cause__, HOPELESS) or time.monotonic() > deadline:
                return False
            return is_retryable is None or is_retryable(error)

        return await super().call_with_retry(do, fail, worth_another_try, with_failure_count)


class Heeding(AbstractConnection):
    """Ends a command that is given up in the moment it leaves: `wait_for` of Python 3.11 goes on as if it were not."""

    async def send_packed_command(self, *given: Any, **options: Any) -> None:
        """Send a command; where the caller was cancelled meanwhile, leave the connection, which still owes a reply."""
        task = asyncio.current_task()
        before = task.cancelling() if task else 0
        await super().send_packed_command(*given, **options)
        if task and task.cancelling() > before:
            await self.disconnect(nowait=True)
            raise asyncio.CancelledError


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


def open_client(settings: RedisSettings, server: EmbeddedRedis, given: Mapping[str, Any] | None = None) -> Redis:
    """Return a client of what the settings name; does no I/O.

    Args:
        settings: Where Redis is.
        server: What is meant where they name no URL.
        given: Further options of redis-py, which go before ours.

    Raises:
        SettingsError: the URL has none of the known forms.
    """
    options = _pool_options(settings) | dict(given or {})
    many = bool(options.pop("cluster", False))
    if settings.url is None:
        pool = BlockingConnectionPool(connection_class=EmbeddedConnection, server=server, **options)
        return _heeding(WiredRedis.from_pool(pool))
    try:
        return _heeding(_open_url(_our_form(settings.url.get_secret_value(), many), options))
    except _Unusable as error:
        problem = str(error)
    except (ValueError, TypeError):
        problem = "it has none of the known forms"
    # Raised out here so that the vendor's words, which quote the URL, are no part of the trace either.
    raise SettingsError(
        f"The Redis URL in TWINTRACK_REDIS__URL cannot be used: {problem}.",
        fix=f"percent-encode the password (%2F for /, %40 for @), and write it as {FORMS}",
    )


def _heeding(client: Redis) -> Redis:
    """Let the client's connections heed who gives a command up; a cluster's nodes have pools of their own."""
    if isinstance(client, WiredRedis):
        kind = client.connection_pool.connection_class
        client.connection_pool.connection_class = type(kind.__name__, (Heeding, kind), {})
    return client


class _Unusable(ValueError):
    """Says in our own words what is wrong with a URL, without any part of it."""


def _our_form(url: str, many: bool) -> str:
    """Return RedisVL's forms of a cluster's URL, `?cluster=true` and hosts joined by commas, as we write it."""
    scheme, mark, rest = url.partition("://")
    before, _, query = rest.partition("?")
    left = [part for part in query.split("&") if part.partition("=")[0].lower() != "cluster"]
    many = many or "cluster=true" in query.lower().split("&") or "," in before.partition("/")[0].rpartition("@")[2]
    if "+" in scheme or not many:
        return url
    return f"{scheme}+cluster{mark}{before}" + (f"?{'&'.join(left)}" if any(left) else "")


def _open_url(url: str, options: dict[str, Any]) -> Redis:
    scheme, _, rest = url.partition("://")
    if "@" in _after_authority(rest):
        # The server's name would be read from the middle of the password, and shown when it is not found.
        raise _Unusable("a sign of its user or password ends it before the @")
    base, _, kind = scheme.partition("+")
    if kind == "sentinel":
        return _open_sentinel(base, rest, options)
    if kind == "cluster":
        return _open_cluster(base, rest, options)
    return WiredRedis.from_pool(BlockingConnectionPool.from_url(url, **options))


def _open_sentinel(base: str, rest: str, options: dict[str, Any]) -> Redis:
    user, hosts, path, query = _parts(rest)
    master, _, database = path.partition("/")
    if not master:
        raise _Unusable("it names no master")
    said = _options(f"{base}://{user}localhost/{database}{query}", options)
    asking = {"socket_timeout": options["socket_timeout"], "password": said.pop("sentinel_password", None)}
    sentinels: Any = Sentinel(hosts, sentinel_kwargs=asking)  # type: ignore[no-untyped-call] # the vendor's own
    classes = {"redis_class": WiredRedis, "connection_pool_class": BlockingSentinelPool}
    return cast(Redis, sentinels.master_for(unquote(master), **classes, **said))


def _open_cluster(base: str, rest: str, options: dict[str, Any]) -> Redis:
    user, hosts, path, query = _parts(rest)
    said = _options(f"{base}://{user}localhost/{path}{query}", options)
    said.pop("timeout")
    nodes = [ClusterNode(host, port) for host, port in hosts]
    return cast(Redis, RedisCluster(startup_nodes=nodes, **said))


def _options(url: str, options: dict[str, Any]) -> dict[str, Any]:
    """Return what a plain URL says about credentials, database, TLS and more, as keyword arguments."""
    said: dict[str, Any] = {**parse_url(url)}
    del said["host"]
    tls = said.pop("connection_class", None) is not None
    return options | said | {"ssl": tls}


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
