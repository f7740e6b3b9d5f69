"""Shows a turn while it runs: finished steps as dim lines, the words of the answer as they come."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from twintrack.app.screen import say_hanging
from twintrack.app.show_steps import INDENT

_ROOM = 6
"""Lines of the terminal left free above the words that stream."""


class LiveTurn:
    """What stands on the screen during one turn; at its end only the steps are left.

    The words that stream are a draft: the rails see the answer last, so it is printed anew by whoever has it.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._words = ""
        self._is_old = False
        waiting = Spinner("dots", Text("thinking", style="dim"), style="dim")
        self._live = Live(waiting, console=console, transient=True, refresh_per_second=12)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._live.stop()

    def step(self, line: str) -> None:
        """Note a step; words that come after it belong to another draft."""
        self._is_old = True
        for part in line.splitlines():
            say_hanging(self._console, part, INDENT, "dim")

    def token(self, words: str) -> None:
        """Add words to the draft."""
        if self._is_old:
            self._words, self._is_old = "", False
        self._words += words
        if self._console.is_terminal:
            drawn = Text(self._words).wrap(self._console, self._console.width)
            self._live.update(Text("\n").join(drawn[-max(1, self._console.height - _ROOM) :]), refresh=True)
