"""`twintrack dev`: serve the graphs with langgraph dev."""

import os
import shutil
import sys
from pathlib import Path

import click

from twintrack.core.errors import SettingsError


@click.command()
@click.option(
    "--port", type=click.IntRange(1, 65535), default=2024, show_default=True, help="Port to listen on, loopback only."
)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    default=Path("langgraph.json"),
    show_default=True,
    help="Graphs to serve.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what keeps it from starting as one JSON object.")
def command(port: int, config: Path, as_json: bool) -> None:  # noqa: ARG001 - the command line reads --json itself
    """Serve the graphs of langgraph.json on loopback."""
    program = shutil.which("langgraph", path=str(Path(sys.executable).parent)) or shutil.which("langgraph")
    if program is None:
        raise SettingsError("langgraph is not installed.", fix="install the extra: pip install 'twintrack[server]'")
    if not config.exists():
        raise SettingsError(f"There is no {config}.", fix="run in the project's folder or give --config")
    arguments = ["dev", "--no-browser", "--no-reload", "--port", str(port), "--config", str(config)]
    os.execv(program, [program, *arguments])  # noqa: S606 - our own program, no shell
