"""Asks the embedded server whether it is there, and waits for it while it reads its data back."""

import logging
import time
from contextlib import suppress
from typing import Any

from redis import UnixDomainSocketConnection, exceptions

from twintrack.core.embedded_address import Address

log = logging.getLogger(__name__)
LOAD_S = 600.0
"""Seconds a listening server may take to read its data."""
PING_S = 10.0
"""Seconds a listening server may take to say PONG, or that it still reads."""
SILENCES = 3
"""Times in a row it may let them pass: while it reads its data it comes to its connections only now and then."""
TELL_S = 3.0
"""Seconds of waiting after which a person is told why; again each time as many have passed as before."""

_Connection: Any = UnixDomainSocketConnection  # untyped, and abstract in the eyes of a type checker


def ask(address: Address, *command: str) -> Any:
    """Send one command on a connection of its own."""
    connection = _Connection(
        path=str(address.socket), password=address.password, socket_timeout=PING_S, driver_info=None
    )
    try:
        connection.connect()
        connection.send_command(*command)
        return connection.read_response()
    finally:
        connection.disconnect()


def answers(address: Address) -> bool:
    """Tell whether the server says PONG; wait while it reads its data, and say so where that takes long.

    Raises:
        RedisError: it listens, and is silent, takes another password or reads for too long.
    """
    waits, silences = _Waiting(address), 0
    while True:
        try:
            ask(address, "PING")
            return True
        except exceptions.BusyLoadingError:
            silences = 0
            if not waits.on():
                raise
        except exceptions.TimeoutError:
            silences += 1
            if silences == SILENCES:
                raise
        except exceptions.AuthenticationError:
            raise
        except (exceptions.ConnectionError, OSError):
            return False


class _Waiting:
    """A wait for a server that reads its data back."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._since, self._tell_after = time.monotonic(), TELL_S

    def on(self) -> bool:
        """Wait a moment more, and say so where it has taken long; tell whether there is any use in that."""
        waited = time.monotonic() - self._since
        if waited > self._tell_after:
            self._tell_after = 2 * waited
            log.warning("The embedded Redis reads its data back%s.", _how_far(self._address))
        time.sleep(0.02)
        return waited < LOAD_S


def _how_far(address: Address) -> str:
    with suppress(exceptions.RedisError, OSError, ValueError):
        told = field(ask(address, "INFO", "persistence"), "loading_loaded_perc")
        return f": {float(told):.0f} % so far"
    return ""


def field(info: object, name: str) -> str:
    """Return one field of what INFO says."""
    text = info.decode() if isinstance(info, bytes) else str(info)
    return next((line.partition(":")[2] for line in text.splitlines() if line.startswith(f"{name}:")), "unknown")
