"""Shows how far a long command has come, on standard error, so that its output stays clean."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Report = Callable[[int, int, str], None]
"""Called with what is done, what there is in all, and what is at hand."""


@contextmanager
def progress_bar(title: str) -> Iterator[Report]:
    """Show a bar while the block runs; where standard error is no terminal, nothing is shown."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("[dim]{task.fields[label]}"),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(title, total=None, label="")

        def report(done: int, total: int, label: str) -> None:
            progress.update(task, completed=done, total=total, label=label[-40:])

        yield report
