"""Prints figures: a table for people, or one JSON object."""

import json
from typing import Any

import click

Figures = dict[str, Any]


def show(figures: Figures, as_json: bool) -> None:
    """Print the figures."""
    if as_json:
        click.echo(json.dumps(figures, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("figure", "value")
    for name, value in _flat(figures).items():
        table.add_row(name, f"{value:.4f}" if isinstance(value, float) else str(value))
    Console().print(table)


def _flat(figures: Figures, above: str = "") -> Figures:
    flat: Figures = {}
    for name, value in figures.items():
        flat |= _flat(value, f"{above}{name}.") if isinstance(value, dict) else {f"{above}{name}": value}
    return flat
