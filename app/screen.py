"""The one way to the screen: as wide as a terminal, plain and uncut where output goes elsewhere."""

import os

from rich.console import Console
from rich.table import Table
from rich.text import Text

_ELSEWHERE = 240
"""Columns for tables in a file or a pipe: no id is cut there."""


def screen(*, stderr: bool = False) -> Console:
    """Return the console of standard output, or of standard error."""
    console = Console(stderr=stderr, highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _ELSEWHERE
    return console


def say(console: Console, line: str, style: str = "") -> None:
    """Print words as they are: no markup is read in them, and outside a terminal no line is broken."""
    console.print(Text(line, style=style), soft_wrap=not console.is_terminal)


def say_hanging(console: Console, line: str, indent: int, style: str = "") -> None:
    """Print a line whose first columns are its label: where it has to be broken, it goes on below what it says."""
    if not console.is_terminal:
        say(console, line, style)
        return
    beside = Table.grid()
    beside.add_column(width=indent, no_wrap=True)
    beside.add_row(Text(line[:indent]), Text(line[indent:]), style=style)
    console.print(beside)


def heading(console: Console, title: str) -> None:
    """Begin a part."""
    console.print()
    say(console, title, "bold underline")
