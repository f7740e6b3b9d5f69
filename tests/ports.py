"""Free ports for servers that tests start."""

import random
import socket

_RANGE = range(20_000, 50_000)
"""Below what the system hands out by itself, and low enough for a cluster's bus at port + 10,000."""


def free_port() -> int:
    """Return a port that is free now, its neighbour and the cluster bus port above it too."""
    while True:
        port = random.choice(_RANGE)
        if all(_is_free(number) for number in (port, port + 1, port + 10_000)):
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
