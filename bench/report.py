"""Prints what a bench measured."""

import json
from typing import Any

import click
from rich.console import Console
from rich.table import Table


def report(figures: dict[str, Any], as_json: bool, title: str) -> None:
    """Print figures as one JSON object, or as a table."""
    if as_json:
        click.echo(json.dumps(figures))
        return
    table = Table("figure", "value", title=title, title_justify="left")
    for name, value in figures.items():
        table.add_row(name, json.dumps(value))
    Console().print(table)
