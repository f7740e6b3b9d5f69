"""Tells where the value of a setting was read from: the environment, `.env`, the settings file, or a default."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import yaml
from dotenv import dotenv_values

ENV_FILE = ".env"


@dataclass(frozen=True, slots=True)
class Sources:
    """What each source holds, read once."""

    environment: frozenset[str]
    env_file: frozenset[str]
    tree: Any
    tree_file: str

    @classmethod
    def read(cls, tree_file: Path) -> Self:
        """Look into all of them; a settings file that cannot be read holds nothing."""
        environment, env_file = (
            frozenset(name.upper() for name, value in given.items() if value) for given in variables_given()
        )
        try:
            tree = yaml.safe_load(tree_file.read_text(encoding="utf-8"))
        except (OSError, ValueError, yaml.YAMLError):
            tree = None
        return cls(environment, env_file, tree, str(tree_file))

    def of(self, names: Sequence[str], path: Iterable[str] = ()) -> str:
        """Return the strongest one that sets a variable.

        Args:
            names: What it may be set by; the last one is its own, and may be a section's whose fields are set.
            path: Its place in the settings file.
        """
        for known, source in ((self.environment, "the environment"), (self.env_file, ENV_FILE)):
            if any(one in names or one.startswith(f"{names[-1]}__") for one in known):
                return source
        return self.tree_file if _holds(self.tree, list(path)) else "a default"


def emptied() -> set[str]:
    """Return the variables that are there and say nothing."""
    return {name.upper() for given in variables_given() for name, value in given.items() if value == ""}


def variables_given() -> tuple[Mapping[str, str | None], Mapping[str, str | None]]:
    """Return the variables of the environment, and those of `.env`."""
    return os.environ, dotenv_values(ENV_FILE)


def _holds(tree: Any, path: list[str]) -> bool:
    """Tell whether the tree sets what stands at the path, or something that it is part of."""
    for part in path:
        if not isinstance(tree, dict):
            break
        tree = tree.get(part)
    return bool(path) and tree is not None
