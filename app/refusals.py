"""How a command ends where a provider turned a model of the settings away: its answers stand, and it has failed."""

import sys
from collections.abc import Sequence

import click

from twintrack.core.errors import TwintrackError


def exit_where_refused(refusals: Sequence[TwintrackError]) -> None:
    """End with one line that names model and fix, and exit code 1; go on where no model was turned away."""
    if refusals:
        click.echo(f"twintrack: {' '.join(map(str, refusals))}", err=True)
        sys.exit(1)
