"""What tuning changes, beside what it was before, and the figures that speak for it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Change:
    """One value, and a figure of rows that it was not chosen on."""

    value: str
    before: float
    after: float
    figure: str
    figure_before: float | None
    figure_after: float | None


def told(changes: Sequence[Change]) -> list[dict[str, Any]]:
    """Return the changes as JSON values."""
    return [asdict(change) for change in changes]


def show_changes(changes: Sequence[Change]) -> None:
    """Print a table of the changes."""
    from rich.console import Console
    from rich.table import Table

    table = Table("value", "before", "after", "figure, on rows held out", "before", "after")
    for one in changes:
        numbers = [_number(one.figure_before), _number(one.figure_after)]
        table.add_row(one.value, _number(one.before), _number(one.after), one.figure, *numbers)
    Console().print(table)


def _number(value: float | None) -> str:
    return "not judged" if value is None else f"{value:.4g}"
