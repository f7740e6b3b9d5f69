"""Yields what a person types, or what a pipe brings, without ever holding up the end of the program."""

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator

from prompt_toolkit import PromptSession
from prompt_toolkit.formatted_text import FormattedText

_HINT = "Ctrl-D leaves, and so does Ctrl-C once more."


async def typed_lines() -> AsyncIterator[str]:
    """Yield lines until Ctrl-D or the end of the input.

    Raises:
        KeyboardInterrupt: Ctrl-C twice on an empty line, or once where the input is no terminal.
    """
    source = _asked() if sys.stdin.isatty() else _piped()
    async for line in source:
        if line := line.strip():
            yield line


async def _asked() -> AsyncIterator[str]:
    session: PromptSession[str] = PromptSession()
    is_warned = False
    while True:
        try:
            yield await session.prompt_async(FormattedText([("bold", "you> ")]))
            is_warned = False
        except KeyboardInterrupt:
            if session.default_buffer.text:
                continue
            if is_warned:
                raise
            is_warned = True
            sys.stdout.write(f"{_HINT}\n")
        except EOFError:
            return


async def _piped() -> AsyncIterator[str]:
    """Read in a thread of its own: a read that waits cannot be stopped, and the executor would wait for it."""
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str | None] = asyncio.Queue()

    def read() -> None:
        with open(os.dup(0), encoding="utf-8", errors="replace") as source:  # noqa: PTH123 - a descriptor
            for line in source:
                loop.call_soon_threadsafe(lines.put_nowait, line)
        loop.call_soon_threadsafe(lines.put_nowait, None)

    threading.Thread(target=read, daemon=True).start()
    while (line := await lines.get()) is not None:
        yield line
