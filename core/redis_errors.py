"""Says what a Redis error means and what to do about it: the one place where the vendors' errors are translated."""

import re
from contextlib import AbstractAsyncContextManager

from redis import exceptions as redis
from redisvl.exceptions import RedisVLError

from twintrack.core.errors import Conflict, RedisUnavailable, TwintrackError
from twintrack.core.redis_binaries import START_ONE

VENDOR_ERRORS = (
    redis.RedisError,
    redis.RedisClusterException,
    redis.ChildDeadlockedError,
    redis.IncorrectPolicyType,
    RedisVLError,
)
"""Bases of everything the vendors raise."""
MISSING_INDEX = ("unknown index name", "no such index", "search_index_not_found", "index not found")
"""How servers of different ages say that an index does not exist."""

UNKNOWN_COMMAND = re.compile(r"unknown command [`']([^`',]+)", re.IGNORECASE)

NO_ENGINE = "use Redis 8 or Redis Stack, which hold the query engine and JSON; " + START_ONE
REPORT = "this is a fault of the program; please report it with the command that led here"
CREDENTIALS = "correct the user and the password in TWINTRACK_REDIS__URL"
REPLICA = "point TWINTRACK_REDIS__URL at the primary, or use a redis+sentinel:// URL that follows it"
CLUSTER = "check the cluster with `redis-cli CLUSTER INFO`; try again when it says cluster_state:ok"
TAKEN = "try again"

Meaning = tuple[type[Exception], type[TwintrackError], str, str]

TABLE: tuple[Meaning, ...] = (
    (redis.AuthenticationError, RedisUnavailable, "Redis refused the user or the password", CREDENTIALS),
    (redis.AuthenticationWrongNumberOfArgsError, RedisUnavailable, "Redis refused the user or password", CREDENTIALS),
    (redis.ExternalAuthProviderError, RedisUnavailable, "The provider of Redis credentials failed", CREDENTIALS),
    (redis.AuthorizationError, RedisUnavailable, "Redis does not let this user in", CREDENTIALS),
    (redis.NoPermissionError, RedisUnavailable, "The Redis user lacks a permission", "allow it with `ACL SETUSER`"),
    (redis.BusyLoadingError, RedisUnavailable, "Redis is still reading its data", "try again in a moment"),
    (redis.MaxConnectionsError, RedisUnavailable, "All Redis connections are in use", "raise maxclients of the server"),
    (redis.ConnectionError, RedisUnavailable, "Redis cannot be reached", f"check TWINTRACK_REDIS__URL, or {START_ONE}"),
    (
        redis.TimeoutError,
        RedisUnavailable,
        "Redis did not answer in time",
        "look at its load with `redis-cli SLOWLOG GET`, or raise TWINTRACK_REDIS__TIMEOUT_S",
    ),
    (redis.OutOfMemoryError, RedisUnavailable, "The memory of Redis is full", "raise its maxmemory, or delete data"),
    (redis.MasterDownError, RedisUnavailable, "The Redis primary is down", REPLICA),
    (redis.ReadOnlyError, RedisUnavailable, "This Redis is a read-only replica", REPLICA),
    (redis.ClusterError, RedisUnavailable, "The Redis cluster does not answer", CLUSTER),
    (redis.TryAgainError, RedisUnavailable, "The Redis cluster is moving this key", TAKEN),
    (redis.AskError, RedisUnavailable, "The Redis cluster moved this key", CLUSTER),
    (redis.CrossSlotTransactionError, TwintrackError, "A transaction spans two nodes", REPORT),
    (redis.InvalidPipelineStack, TwintrackError, "A pipeline was answered out of order", REPORT),
    (redis.ClusterCrossSlotError, TwintrackError, "A command spans two nodes of the cluster", REPORT),
    (redis.RedisClusterException, RedisUnavailable, "The Redis cluster does not answer", CLUSTER),
    (redis.WatchError, Conflict, "Another writer changed the same data first", TAKEN),
    (redis.LockError, Conflict, "A lock is held, or was lost to another process", TAKEN),
    (redis.ModuleError, RedisUnavailable, "A Redis module failed", NO_ENGINE),
    (redis.InvalidResponse, RedisUnavailable, "What answers does not speak the Redis protocol", "check the URL's port"),
    (redis.ResponseError, TwintrackError, "Redis refused a command", REPORT),
    (RedisVLError, TwintrackError, "A search in Redis failed", REPORT),
)
"""First match wins."""


def translate(error: Exception) -> TwintrackError:
    """Return what a vendor's error means; one of our own, also as a cause, is returned as it is."""
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, TwintrackError):
            return cause
    for cause in reversed(causes):
        if isinstance(cause, redis.RedisError | redis.RedisClusterException):
            return _meaning(cause)
    return _meaning(error)


class _Translated(AbstractAsyncContextManager[None]):
    """Holds nothing, so one serves every block: each command to Redis is in one."""

    async def __aenter__(self) -> None:
        pass

    async def __aexit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, VENDOR_ERRORS):
            raise translate(error) from error


_TRANSLATED = _Translated()


def translated() -> AbstractAsyncContextManager[None]:
    """Raise the vendors' errors of the block as our own."""
    return _TRANSLATED


def is_missing_index(error: BaseException) -> bool:
    """Tell whether a search failed because its index does not exist."""
    return any(words in str(cause).lower() for cause in _causes(error) for words in MISSING_INDEX)


def _meaning(error: BaseException) -> TwintrackError:
    said = str(error).strip().rstrip(".")
    lacks = UNKNOWN_COMMAND.search(said)
    if lacks and lacks[1].lower() == "hello":
        return RedisUnavailable("This Redis is too old: it does not know HELLO.", fix=NO_ENGINE)
    if lacks and lacks[1].lower().startswith(("ft.", "json.")):
        return RedisUnavailable(
            f"This Redis has no query engine or no JSON: it does not know {lacks[1]}.", fix=NO_ENGINE
        )
    if said == "No connection available":
        fix = "raise TWINTRACK_REDIS__MAX_CONNECTIONS"
        return RedisUnavailable("All Redis connections of this process are in use.", fix=fix)
    for vendor, ours, problem, fix in TABLE:
        if isinstance(error, vendor):
            return ours(f"{problem}: {said}." if said else f"{problem}.", fix=fix)
    return TwintrackError(f"Redis was used wrongly: {said}.", fix=REPORT)


def _causes(error: BaseException) -> list[BaseException]:
    """Return the error and what caused it, outermost first."""
    chain = [error]
    while (cause := chain[-1].__cause__) and cause not in chain:
        chain.append(cause)
    return chain
