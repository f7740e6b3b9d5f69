"""Where the embedded server listens and the password it asks for; each fixed by its data folder."""

import contextlib
import hashlib
import os
import secrets
import stat
import threading
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

LONGEST_SOCKET_PATH = 103
"""Bytes; Linux allows 107 and macOS 103."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the server listens and what it asks for."""

    socket: Path
    password: str

    @property
    def url(self) -> str:
        """Return the address as a `unix://` URL, password included."""
        return f"unix://:{self.password}@{quote(str(self.socket))}"


def read_address(folder: Path) -> Address:
    """Return the folder's address, made at the first call."""
    return Address(_socket_path(folder), _password(folder / "password"))


def _password(path: Path) -> str:
    """Return the folder's password; the first process makes it, whole or not at all."""
    if not path.exists():
        draft = path.with_name(f"password.{os.getpid()}.{threading.get_ident()}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(draft)
        draft.unlink()
    path.chmod(0o600)
    return path.read_text().strip()


def _socket_path(folder: Path) -> Path:
    """Return the socket's path: in the data folder, or where that is too long in a short private one."""
    path = folder / "redis.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        return path
    digest = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:16]
    short = Path("/tmp") / f"twintrack-{os.getuid()}-{digest}"  # noqa: S108 - checked to be ours just below
    short.mkdir(mode=0o700, exist_ok=True)
    state = short.lstat()
    if not stat.S_ISDIR(state.st_mode) or state.st_uid != os.getuid() or state.st_mode & 0o077:
        raise PermissionError(f"{short} is not a private folder of this user")
    return short / "redis.sock"
