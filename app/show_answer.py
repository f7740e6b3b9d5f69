"""How an answer looks: rich on a terminal, plain text elsewhere."""

from collections.abc import Iterable

from rich.console import Console
from rich.markup import escape

from twintrack.app.answer import Answer

_COLOUR = {"answered": "green", "abstained": "yellow", "refused": "red", "failed": "red", "interrupted": "magenta"}


def show(answer: Answer, console: Console, *, details: bool = True) -> None:
    """Print the answer, its citations and, with `details`, how it came about."""
    console.print(escape(answer.text))
    for citation in answer.citations:
        console.print(f"[dim]\\[{citation.marker}] {escape(place(citation.source, citation.start))}[/dim]")
    if details:
        for line in footnotes(answer):
            console.print(f"[dim]{escape(line)}[/dim]")


def footnotes(answer: Answer) -> Iterable[str]:
    """Yield what a reader should know of how the answer came about."""
    yield f"{answer.status} by {answer.route or 'no track'} (confidence {answer.confidence:.2f}) in {answer.usage.seconds:.2f} s"
    if answer.reason:
        yield f"{'degraded' if answer.degraded else 'because'}: {answer.reason}"
    for step in answer.steps:
        yield f"step: {step.agent} {step.status} in {step.seconds:.2f} s: {step.task}{' - ' + step.error if step.error else ''}"


def place(source: str, start: int) -> str:
    """Return where a quote stands."""
    return f"{source} at character {start}"


def colour(answer: Answer) -> str:
    """Return the colour of the answer's status."""
    return _COLOUR[answer.status]
