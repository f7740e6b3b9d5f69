"""Say of a wrong setting which one it is, where it came from and how to mend it."""

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from twintrack.core.setting_sources import Sources, variables_given

PREFIX = "TWINTRACK_"


def explain(
    error: ValidationError, tree: type[BaseModel], given: Mapping[str, Any], yaml_file: Path
) -> tuple[str, str]:
    """Return the problem and the fix of every wrong value, joined."""
    sources = Sources.read(yaml_file)
    problems: list[str] = []
    fixes: list[str] = []
    for wrong in error.errors(include_url=False, include_context=False):
        path = [str(part) for part in wrong["loc"]]
        name = variable(path)
        shown = "" if "secret" in str(wrong["type"]) or _is_secret(path) else f"={wrong['input']!r}"[:80]
        problems.append(f"{name}{shown} (from {_source(path, given, sources)}): {wrong['msg']}.")
        fixes.append(_fix(path, tree))
    return " ".join(problems), " ".join(dict.fromkeys(fixes))


def unknown(tree: type[BaseModel], yaml_file: Path) -> list[tuple[str, str]]:
    """Return each TWINTRACK_ variable and section of the file that names no setting, with the nearest name that does."""
    known = set(variables(tree))
    given = set().union(*variables_given())
    strangers = sorted(name for name in given if name.upper().startswith(PREFIX) and name.upper() not in known)
    found = [(name, _near(name.upper(), known)) for name in strangers]
    sections = Sources.read(yaml_file).tree
    others = [str(name) for name in sections if name not in tree.model_fields] if isinstance(sections, dict) else []
    return found + [(f"{name} in {yaml_file}", _near(name, tree.model_fields)) for name in others]


def _near(name: str, known: Iterable[str]) -> str:
    return next(iter(difflib.get_close_matches(name, list(known), 1)), "")


def variables(tree: type[BaseModel], parts: tuple[str, ...] = ()) -> Iterable[str]:
    """Yield the variable of each field and of each section as a whole."""
    for name, field in tree.model_fields.items():
        yield variable([*parts, name])
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from variables(field.annotation, (*parts, name))


def variable(path: Iterable[str]) -> str:
    """Return the environment variable of a field."""
    return PREFIX + "__".join(part.upper() for part in path)


def within(path: list[str]) -> list[str]:
    """Return the variable of a field and of each section around it, any of which may set it."""
    return [variable(path[:depth]) for depth in range(1, len(path) + 1)]


def _source(path: list[str], given: Mapping[str, Any], sources: Sources) -> str:
    return "an argument" if path and path[0] in given else sources.of(within(path), path)


def _is_secret(path: list[str]) -> bool:
    return any(word in part for part in path for word in ("key", "url", "password", "token"))


def _fix(path: list[str], tree: type[BaseModel]) -> str:
    branch: Any = tree
    for part in path[:-1]:
        field = branch.model_fields.get(part)
        branch = field.annotation if field else tree
    field = getattr(branch, "model_fields", {}).get(path[-1])
    if field is None:
        near = _near(variable(path), variables(tree))
        return f"{'did you mean ' + near + '?' if near else 'remove it;'} `twintrack settings` lists them all."
    return f"{variable(path)}: {field.description or 'a section; write its fields below it'}"
