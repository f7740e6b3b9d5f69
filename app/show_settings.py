"""`twintrack settings`: the effective tree and Langfuse's variables, with what each means and where it was read."""

import json
from dataclasses import dataclass
from typing import Any

import click
from pydantic import BaseModel
from rich.padding import Padding
from rich.text import Text

from twintrack.app.screen import say, screen
from twintrack.core.langfuse_variables import LangfuseVariables, load_langfuse_variables, variable
from twintrack.core.setting_sources import Sources
from twintrack.core.settings import SETTINGS_FILE, load_settings
from twintrack.core.settings_errors import within


@dataclass(frozen=True, slots=True)
class Row:
    """One variable as it stands."""

    name: str
    value: str
    meaning: str
    source: str


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(as_json: bool) -> None:
    """Print the effective settings and where each was read, secrets hidden."""
    settings, langfuse = load_settings(), load_langfuse_variables()
    found = [*rows(settings, Sources.read(SETTINGS_FILE)), *langfuse_rows(langfuse, Sources.read(SETTINGS_FILE))]
    if as_json:
        tree = settings.model_dump(mode="json") | {"langfuse": langfuse.model_dump(mode="json")}
        click.echo(json.dumps(tree | {"sources": {row.name: row.source for row in found}}, indent=2))
        return
    console = screen()
    for row in found:
        say(console, f"{row.name}={row.value}", "bold")
        told = row.meaning if row.source == "a default" else f"{row.meaning} (From {row.source}.)"
        console.print(Padding(Text(told, style="dim"), (0, 0, 0, 4), expand=False))


def rows(settings: BaseModel, sources: Sources, path: tuple[str, ...] = ()) -> list[Row]:
    """Return a row for each field of the tree."""
    found: list[Row] = []
    for name, field in type(settings).model_fields.items():
        value, here = getattr(settings, name), (*path, name)
        if isinstance(value, BaseModel):
            found += rows(value, sources, here)
            continue
        names = within([*here])
        found.append(Row(names[-1], _shown(value), field.description or "", sources.of(names, here)))
    return found


def langfuse_rows(variables: LangfuseVariables, sources: Sources) -> list[Row]:
    """Return a row for each of Langfuse's variables."""
    found: list[Row] = []
    for name, field in LangfuseVariables.model_fields.items():
        names = [variable(name), *(str(one) for one in getattr(field.validation_alias, "choices", ()))]
        found.append(Row(names[0], _shown(getattr(variables, name)), field.description or "", sources.of(names)))
    return found


def _shown(value: Any) -> str:
    return json.dumps(str(value), ensure_ascii=False)[1:-1]
