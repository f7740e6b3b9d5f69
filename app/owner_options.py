"""The options of every command that acts for one user."""

from collections.abc import Callable
from typing import Any

import click

_OPTIONS = (
    click.option("--user", default="local", show_default=True, help="Whose threads, memories and documents."),
    click.option("--tenant", default="default", show_default=True, help="The user's tenant."),
    click.option("--json", "as_json", is_flag=True, help="Print one JSON object."),
)


def options_of(user: str, tenant: str) -> str:
    """Return what names the user on a command line; nothing for the usual one."""
    others = {"user": (user, "local"), "tenant": (tenant, "default")}
    return "".join(f" --{name} {value}" for name, (value, usual) in others.items() if value != usual)


def owner_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options `--user`, `--tenant` and `--json`."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function
