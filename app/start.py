"""Where the program begins: whoever stops it reads one plain line, from the first moment to the last."""

import contextlib
import os
import signal
import sys

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> None:
    """Run the command line."""
    heeded = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    for number in heeded:
        signal.signal(number, _leave)
    try:
        from twintrack.app.cli import main as run

        run()
    finally:
        for number in heeded:
            signal.signal(number, signal.SIG_DFL)


def _leave(number: int, _: object) -> None:
    """End at once: `stopping.run` listens by itself, so nothing is open now that would have to be closed."""
    with contextlib.suppress(Exception):
        sys.stdout.flush()
        if "--json" in sys.argv:
            os.write(1, b'{"error": "Stopped. What was finished is kept."}\n')
        os.write(2, b"\ntwintrack: Stopped. What was finished is kept.\n")
    os._exit(128 + number)
