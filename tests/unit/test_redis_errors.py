"""Each error of the vendors becomes one of ours, with a fix."""

import inspect
from typing import Any

import pytest
import redis.exceptions
import redis.sentinel
import redisvl.exceptions

from twintrack.core.errors import Conflict, RedisUnavailable, TwintrackError
from twintrack.core.redis_errors import TABLE, VENDOR_ERRORS, is_missing_index, translate, translated

MODULES = (redis.exceptions, redis.sentinel, redisvl.exceptions)
CLASSES = sorted(
    {
        value
        for module in MODULES
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, Exception) and value.__module__.startswith("redis")
    },
    key=lambda value: value.__name__,
)
MISUSE = {"ChildDeadlockedError", "DataError", "IncorrectPolicyType", "PubSubError", "RedisError"}
"""Faults of the program that no table row explains better."""


@pytest.mark.parametrize("vendor", CLASSES, ids=lambda value: value.__name__)
def test_every_class_of_the_vendors_is_translated(vendor: Any) -> None:
    assert issubclass(vendor, VENDOR_ERRORS)
    ours = translate(vendor.__new__(vendor))
    assert isinstance(ours, TwintrackError)
    assert ours.fix
    assert any(issubclass(vendor, row[0]) for row in TABLE) is (vendor.__name__ not in MISUSE)


def test_a_row_is_never_hidden_by_a_broader_one_above_it() -> None:
    for position, (vendor, *_) in enumerate(TABLE):
        assert not any(issubclass(vendor, above) for above, *_ in TABLE[:position]), vendor


@pytest.mark.parametrize(
    ("error", "kind", "problem", "fix"),
    [
        (redis.exceptions.AuthenticationError("WRONGPASS"), RedisUnavailable, "refused", "password"),
        (redis.exceptions.ConnectionError("Error 111"), RedisUnavailable, "cannot be reached", "docker run"),
        (redis.exceptions.ConnectionError("No connection available."), RedisUnavailable, "in use", "MAX_CONNECTIONS"),
        (redis.exceptions.TimeoutError("Timeout reading"), RedisUnavailable, "in time", "TIMEOUT_S"),
        (redis.exceptions.OutOfMemoryError("OOM"), RedisUnavailable, "memory", "maxmemory"),
        (redis.exceptions.WatchError("Watched variable changed"), Conflict, "Another writer", "again"),
        (redis.exceptions.LockNotOwnedError("lost"), Conflict, "lock", "again"),
        (redis.exceptions.ReadOnlyError("READONLY"), RedisUnavailable, "replica", "primary"),
        (redis.sentinel.MasterNotFoundError("none"), RedisUnavailable, "cannot be reached", "TWINTRACK_REDIS__URL"),
        (
            redis.exceptions.ResponseError("unknown command 'FT.SEARCH', with args beginning with: 'x' "),
            RedisUnavailable,
            "query engine",
            "Redis 8",
        ),
        (redis.exceptions.ResponseError("syntax error"), TwintrackError, "refused a command", "report"),
    ],
)
def test_common_troubles_say_what_to_do(error: Exception, kind: type[Exception], problem: str, fix: str) -> None:
    ours = translate(error)
    assert type(ours) is kind
    assert problem in ours.problem
    assert fix in ours.fix


async def test_the_original_stays_as_the_cause() -> None:
    original = redis.exceptions.TimeoutError("late")
    with pytest.raises(RedisUnavailable) as caught:
        async with translated():
            raise original
    assert caught.value.__cause__ is original


async def test_what_a_search_wraps_is_what_counts() -> None:
    wrapped = redisvl.exceptions.RedisSearchError("Error while searching")
    wrapped.__cause__ = redis.exceptions.ConnectionError("gone")
    with pytest.raises(RedisUnavailable, match="cannot be reached"):
        async with translated():
            raise wrapped


async def test_other_errors_pass_untouched() -> None:
    with pytest.raises(KeyError):
        async with translated():
            raise KeyError("mine")
    with pytest.raises(Conflict, match="ours"):
        async with translated():
            raise Conflict("ours")


def test_our_own_error_inside_a_vendors_is_brought_out() -> None:
    ours = RedisUnavailable("cannot start", fix="install it")
    wrapped = redis.exceptions.ConnectionError(ours)
    wrapped.__cause__ = ours
    assert translate(wrapped) is ours


def test_a_missing_index_is_told_from_other_refusals() -> None:
    assert is_missing_index(redis.exceptions.ResponseError("notes: no such index"))
    assert is_missing_index(redis.exceptions.ResponseError("Unknown index name"))
    assert not is_missing_index(redis.exceptions.ResponseError("Syntax error at offset 3"))
