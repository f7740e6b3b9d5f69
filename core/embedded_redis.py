"""Runs a real Redis for this user: one per data folder, shared by processes, restarted when it dies."""

import atexit
import contextlib
import fcntl
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import IO, Literal

from redis import exceptions

from twintrack.core.embedded_address import Address, read_address
from twintrack.core.embedded_ping import answers, ask, field
from twintrack.core.errors import RedisUnavailable
from twintrack.core.redis_binaries import ServerBinaries, find_server

START_S = 30.0
"""Seconds a server may take until it listens; reading its data may take longer."""
HUGE_PAGES = "thp:always"
"""Tells the server's allocator to ask for pages of 2 MB: a search among very many vectors waits less for its memory."""
Fsync = Literal["always", "everysec", "no"]

CONFIGURATION = """\
port 0
unixsocket {socket}
unixsocketperm 700
requirepass {password}
daemonize yes
pidfile {pid}
logfile {log}
dir {folder}
appendonly yes
appendfsync {fsync}
aof-load-truncated yes
loading-process-events-interval-bytes 65536
save ""
maxmemory-policy noeviction
disable-thp no
{modules}
"""


class EmbeddedRedis:
    """The Redis of one data folder; making the object does no I/O, `ensure_running` starts or joins the server.

    Every process that uses the server holds a shared lock on `users.lock`, so a killed process frees
    its place by itself. The server holds `server.lock` for as long as it lives, so two never run on
    one folder. All methods block; call them through `asyncio.to_thread`.
    """

    def __init__(self, data_dir: Path, *, fsync: Fsync = "always") -> None:
        self._data_dir = data_dir
        self.fsync = fsync
        self._joined: IO[bytes] | None = None
        self._joined_in = 0
        self._address: Address | None = None
        self._turn = threading.Lock()

    @cached_property
    def folder(self) -> Path:
        """Where the server keeps everything; asking the working directory is I/O, so it waits for the first use."""
        return self._data_dir.expanduser().absolute() / "redis"

    def ensure_running(self) -> Address:
        """Start the server, or find it alive; return its address.

        Raises:
            RedisUnavailable: no server can be started, or the one that listens does not answer.
        """
        with self._turn, _told_plainly(self.folder):
            self._join()
            address = self._address = self._address or read_address(self.folder)
            if not answers(address):
                self._start(address)
            return address

    def leave(self) -> None:
        """Give up this process's place; the last one that leaves stops the server."""
        with self._turn:
            joined, self._joined = self._joined, None
            atexit.unregister(self.leave)
            if joined is None or self._joined_in != os.getpid():
                return
            with joined, contextlib.suppress(FileNotFoundError):
                if _locked(joined, fcntl.LOCK_EX | fcntl.LOCK_NB) and self._address:
                    self._stop(self._address)

    def describe(self) -> str:
        """Return the one line that says what runs."""
        address = self.ensure_running()
        version = field(ask(address, "INFO", "server"), "redis_version")
        modules = ", ".join(sorted(_module_names(ask(address, "MODULE", "LIST"))))
        return f"Redis {version} (embedded: {modules}) on {address.socket}, data in {self.folder}"

    def _join(self) -> None:
        """Take this process's place among the users; waits while a leaving process stops the server."""
        if self._joined is not None:
            if self._joined_in == os.getpid() and (self.folder / "users.lock").exists():
                return
            self._joined.close()  # the parent's place, or one in a folder that was deleted
        self._address = None
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        self._joined = (self.folder / "users.lock").open("ab")
        self._joined_in = os.getpid()
        fcntl.flock(self._joined, fcntl.LOCK_SH)
        atexit.register(self.leave)

    def _start(self, address: Address) -> None:
        """Start the server unless another process is at it; return when it answers."""
        deadline = time.monotonic() + START_S
        started = False
        while not answers(address):
            if time.monotonic() > deadline:
                raise self._broken("does not come up")
            with (self.folder / "server.lock").open("ab") as lock:
                if not _locked(lock, fcntl.LOCK_EX | fcntl.LOCK_NB):
                    time.sleep(0.01)
                elif started:
                    raise self._broken("stopped while it was starting")
                elif not answers(address):
                    self._launch(address, lock)
                    started = True

    def _launch(self, address: Address, lock: IO[bytes]) -> None:
        """Run the server program; it detaches itself and keeps `lock`."""
        binaries = find_server(self.folder / "bin")
        configuration = self._write_configuration(address, binaries)
        address.socket.unlink(missing_ok=True)
        launched = subprocess.run(  # noqa: S603 - the program and its configuration are ours
            [binaries.executable, configuration],
            pass_fds=(lock.fileno(),),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env={"JE_MALLOC_CONF": HUGE_PAGES, **os.environ},
            start_new_session=True,
            check=False,
        )
        if launched.returncode:
            raise RedisUnavailable(
                f"The embedded Redis does not start: {_last_line(launched.stdout + launched.stderr)}",
                fix=f"read {self.folder / 'server.log'}, or set TWINTRACK_REDIS__URL to a Redis of your own",
            )

    def _write_configuration(self, address: Address, binaries: ServerBinaries) -> Path:
        path = self.folder / "redis.conf"
        text = CONFIGURATION.format(
            socket=_quoted(address.socket),
            password=address.password,
            folder=_quoted(self.folder),
            pid=_quoted(self.folder / "redis.pid"),
            log=_quoted(self.folder / "server.log"),
            fsync=self.fsync,
            modules="\n".join(f"loadmodule {_quoted(module)} {arguments}" for module, arguments in binaries.modules),
        )
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
        return path

    def _stop(self, address: Address) -> None:
        """Ask the server to stop and wait until it has."""
        with contextlib.suppress(exceptions.RedisError, OSError):
            ask(address, "SHUTDOWN")
        deadline = time.monotonic() + START_S
        with (self.folder / "server.lock").open("ab") as lock:
            while not _locked(lock, fcntl.LOCK_EX | fcntl.LOCK_NB) and time.monotonic() < deadline:
                time.sleep(0.005)

    def _broken(self, what: str) -> RedisUnavailable:
        log = self.folder / "server.log"
        last = _last_line(log.read_text(errors="replace")) if log.exists() else "no log was written"
        return RedisUnavailable(
            f"The embedded Redis {what}; its last words: {last}",
            fix=f"read {log}, or set TWINTRACK_REDIS__URL to a Redis of your own",
        )


@contextlib.contextmanager
def _told_plainly(folder: Path) -> Iterator[None]:
    """Turn what can go wrong around the server into one error with its fix."""
    own = "or set TWINTRACK_REDIS__URL to a Redis of your own"
    try:
        yield
    except exceptions.AuthenticationError as error:
        raise RedisUnavailable(
            f"The embedded Redis of {folder} does not take the password in {folder / 'password'}.",
            fix=f"stop the process named in {folder / 'redis.pid'} and try again",
        ) from error
    except exceptions.RedisError as error:
        raise RedisUnavailable(
            f"The embedded Redis of {folder} listens but does not answer: {error}",
            fix=f"read {folder / 'server.log'}, stop the process named in {folder / 'redis.pid'}, {own}",
        ) from error
    except OSError as error:
        raise RedisUnavailable(
            f"The data folder {folder} cannot be used: {error}.",
            fix=f"set TWINTRACK_REDIS__DATA_DIR to a folder you may write to, {own}",
        ) from error


def _quoted(path: Path) -> str:
    """Return the path as one word of the server's configuration."""
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _locked(file: IO[bytes], how: int) -> bool:
    try:
        fcntl.flock(file, how)
    except BlockingIOError:
        return False
    return True


def _module_names(listed: object) -> list[str]:
    names = []
    for module in listed if isinstance(listed, list) else []:
        pairs = module.items() if isinstance(module, dict) else zip(module[::2], module[1::2], strict=True)
        names += [value.decode() for name, value in pairs if name == b"name"]
    return names


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "nothing"
