"""`twintrack dev`: serve the graphs with langgraph dev."""

import json
import os
import shutil
import socket
import sys
from pathlib import Path

import click

from twintrack.app import stopping
from twintrack.core.errors import InputError, SettingsError


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
    """Serve the graphs of langgraph.json on loopback; Ctrl-C stops the server.

    Settings, keys, models and Redis are looked at first: what is wrong is one line, and the server is not started.
    """
    program = shutil.which("langgraph", path=str(Path(sys.executable).parent)) or shutil.which("langgraph")
    if program is None:
        raise SettingsError("langgraph is not installed.", fix="install the extra: pip install 'twintrack[server]'")
    _check_config(config)
    _check_port(port)
    click.echo(stopping.run(_what_runs()), err=True)
    arguments = ["dev", "--no-browser", "--no-reload", "--port", str(port), "--config", str(config)]
    os.execv(program, [program, *arguments])  # noqa: S606 - our own program, no shell


def _check_config(config: Path) -> None:
    try:
        readable = isinstance(json.loads(config.read_text(encoding="utf-8")), dict)
    except FileNotFoundError as error:
        raise SettingsError(f"There is no {config}.", fix="run in the project's folder or give --config") from error
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"{config} cannot be read: {error}.", fix="correct it: docs/embedding.md shows one"
        ) from error
    if not readable:
        raise SettingsError(f"{config} holds no JSON object.", fix="correct it: docs/embedding.md shows one")


def _check_port(port: int) -> None:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as error:
        raise InputError(f"Port {port} cannot be listened on: {error.strerror}.", fix="give another --port") from error


async def _what_runs() -> str:
    """Open what the server will open, where a fault is still one line; return which Redis it will use."""
    from twintrack.app.api_keys import ApiKeys
    from twintrack.app.assemble import build_graph, make_parts
    from twintrack.core.embeddings import try_out
    from twintrack.core.redis_check import check_server
    from twintrack.core.settings import load_settings

    parts = make_parts(load_settings())
    try:
        ApiKeys.parse(parts.settings.server.keys)
        await parts.resources.models.warm()
        await try_out(parts.resources.embedder)
        build_graph(parts)
        await check_server(parts.source)
        return await parts.source.describe()
    finally:
        await parts.aclose()
