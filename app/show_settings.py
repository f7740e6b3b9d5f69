"""`twintrack settings`: the effective tree, with what each field means."""

import json
from typing import Any

import click
from pydantic import BaseModel
from rich.padding import Padding
from rich.text import Text

from twintrack.app.screen import say, screen
from twintrack.core.settings import load_settings


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(as_json: bool) -> None:
    """Print the effective settings, secrets hidden."""
    settings = load_settings()
    if as_json:
        click.echo(settings.model_dump_json(indent=2))
        return
    console = screen()
    for name, value, meaning in rows(settings):
        say(console, f"{name}={value}", "bold")
        console.print(Padding(Text(meaning, style="dim"), (0, 0, 0, 4)))


def rows(settings: BaseModel, prefix: str = "TWINTRACK_") -> list[tuple[str, str, str]]:
    """Return (variable, value, meaning) for each field of the tree."""
    found: list[tuple[str, str, str]] = []
    for name, field in type(settings).model_fields.items():
        value: Any = getattr(settings, name)
        if isinstance(value, BaseModel):
            found += rows(value, f"{prefix}{name.upper()}__")
        else:
            found.append(
                (f"{prefix}{name.upper()}", json.dumps(str(value), ensure_ascii=False)[1:-1], field.description or "")
            )
    return found
