"""Keeps a secret of this machine in a file, so that what was made with it still fits after a restart."""

import logging
import os
import secrets
import threading
from pathlib import Path

log = logging.getLogger(__name__)

SIZE = 32
"""Bytes of the secret."""


class KeptSecret:
    """A secret drawn at its first use; processes with the same file have the same one."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._value: bytes | None = None
        self._turn = threading.Lock()

    def __call__(self) -> bytes:
        """Return the secret; where the file cannot be kept, one that lasts as long as the process."""
        with self._turn:
            if self._value is None:
                self._value = self._kept()
            return self._value

    def _kept(self) -> bytes:
        try:
            value = self._read() or self._made()
        except OSError as error:
            log.warning("%s cannot be kept (%s): placeholders fit until this process ends.", self._file, error.strerror)
            return secrets.token_bytes(SIZE)
        return value

    def _made(self) -> bytes:
        """Write a new secret, or read the one that another process wrote first."""
        file = self._file.expanduser()
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = file.with_name(f"{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
        value = secrets.token_bytes(SIZE)
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
                target.write(value)
                target.flush()
                os.fsync(target.fileno())
            # A link is made whole or not at all, and never over another one.
            os.link(draft, file)
        except FileExistsError:
            return self._read() or value
        finally:
            draft.unlink(missing_ok=True)
        return value

    def _read(self) -> bytes | None:
        try:
            value = self._file.expanduser().read_bytes()
        except FileNotFoundError:
            return None
        if len(value) != SIZE:
            raise OSError(None, f"it does not hold {SIZE} bytes")
        return value
