"""Looks at a Redis before it is relied on: is it new enough, does it search, does it keep what it is given."""

import time
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoPermissionError, ResponseError

from twintrack.core.errors import RedisUnavailable
from twintrack.core.redis_binaries import OLDEST
from twintrack.core.redis_client import RedisSource
from twintrack.core.redis_errors import NO_ENGINE, translated

OLDEST_SEARCH = 21000
"""Query engine 2.10, the first with the scorer that retrieval uses."""
PINGS = 5


@dataclass(frozen=True, slots=True)
class ServerReport:
    """What was found out about a usable server."""

    version: str
    modules: dict[str, str]
    """Name to version."""
    persistence: str
    memory_policy: str
    latency_ms: float
    """Quickest of a few round trips."""
    evicts: bool
    """Whether it deletes data where memory is short."""
    warnings: tuple[str, ...]
    """What works but may lose data; each says how to mend it."""

    @property
    def keeps_all(self) -> bool:
        """Tell whether a crash loses nothing, as far as the server says."""
        return self.persistence != "none" and not self.persistence.startswith("snapshots")


async def check_server(source: RedisSource) -> ServerReport:
    """Return a report on the source's server.

    Raises:
        RedisUnavailable: no server, wrong password, too old, or without the query engine; says how to mend it.
    """
    async with translated():
        client = source.client()
        latency = await _latency_ms(client)
        info = await client.info()
        modules = await _modules(client)
        settings = await _settings(client)
    version = str(info.get("redis_version", "unknown"))
    _refuse_old(version)
    _refuse_without_engine(modules)
    persistence = _persistence(info, settings)
    policy = str(info.get("maxmemory_policy", "unknown"))
    evicts = bool(info.get("maxmemory")) and policy != "noeviction"
    return ServerReport(
        version=version,
        modules={name: _dotted(number) for name, number in sorted(modules.items())},
        persistence=persistence,
        memory_policy=policy,
        latency_ms=round(latency, 3),
        evicts=evicts,
        warnings=_warnings(info, persistence, policy, evicts=evicts),
    )


async def _latency_ms(client: Redis) -> float:
    await client.ping()
    quickest = float("inf")
    for _ in range(PINGS):
        start = time.perf_counter()
        await client.ping()
        quickest = min(quickest, time.perf_counter() - start)
    return quickest * 1000


async def _modules(client: Redis) -> dict[str, int]:
    """Return each module's version by its lower-case name."""
    found: dict[str, int] = {}
    for module in await client.module_list():
        plain = {_text(name): value for name, value in module.items()}
        found[_text(plain["name"]).lower()] = int(plain["ver"])
    return found


async def _settings(client: Redis) -> dict[str, str]:
    """Return the server's own settings; hosted servers often forbid to read them."""
    try:
        found: dict[Any, Any] = await client.config_get("save", "appendfsync")
    except (NoPermissionError, ResponseError):
        return {}
    return {_text(name): _text(value) for name, value in found.items()}


def _refuse_old(version: str) -> None:
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if numbers < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise RedisUnavailable(f"This Redis is version {version}; {oldest} is the oldest that works.", fix=NO_ENGINE)


def _refuse_without_engine(modules: dict[str, int]) -> None:
    search = modules.get("search") or modules.get("searchlight")
    if search is None:
        raise RedisUnavailable("This Redis has no query engine.", fix=NO_ENGINE)
    if search < OLDEST_SEARCH:
        raise RedisUnavailable(
            f"The query engine of this Redis is version {_dotted(search)}; it needs 2.10.", fix=NO_ENGINE
        )
    if "rejson" not in modules:
        raise RedisUnavailable("This Redis has no JSON, in which checkpoints are kept.", fix=NO_ENGINE)


def _persistence(info: dict[str, Any], settings: dict[str, str]) -> str:
    kinds = []
    if info.get("aof_enabled"):
        kinds.append(f"append-only file (fsync {settings.get('appendfsync', 'unknown')})")
    if settings.get("save"):
        kinds.append(f"snapshots ({settings['save']})")
    if not kinds and "save" not in settings:
        return "unknown"
    return ", ".join(kinds) or "none"


def _warnings(info: dict[str, Any], persistence: str, policy: str, *, evicts: bool) -> tuple[str, ...]:
    warnings = []
    if persistence == "none":
        warnings.append("Nothing is kept on disk; a restart loses all. Fix: `redis-cli CONFIG SET appendonly yes`")
    elif persistence.startswith("snapshots"):
        warnings.append("A crash loses what came after the last snapshot. Fix: `redis-cli CONFIG SET appendonly yes`")
    if evicts:
        warnings.append(
            f"Under memory pressure {policy} deletes data. Fix: `redis-cli CONFIG SET maxmemory-policy noeviction`"
        )
    if info.get("aof_last_write_status", "ok") != "ok":
        warnings.append("The last write to disk failed. Fix: free disk space, then look at the server's log")
    return tuple(warnings)


def _dotted(number: int) -> str:
    """Return 21005 as 2.10.5."""
    return f"{number // 10_000}.{number // 100 % 100}.{number % 100}"


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
