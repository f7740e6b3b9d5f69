"""Reads a tool's result as records, so that a whole value can be told from words inside a text."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

_DEPTH = 12
_VALUES = 2_000
_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
"""Builds texts, lists and mappings and nothing else."""


@dataclass(frozen=True, slots=True)
class Value:
    """A value that stands by itself, the field that it stands in, and what else its record says."""

    text: str
    field: str = ""
    beside: tuple[str, ...] = ()
    names: bool = False
    """It is the name of a part, as a hotel in a list of prices or as a field."""


def values_in(result: str) -> list[Value]:
    """Return the whole values of a result: those of its fields, or each line of one that has none."""
    tree = _tree(result)
    found = _lines(result) if tree is None else _walk(tree, "", (), _DEPTH)
    # What a stranger wrote may name the same part of itself again and again.
    return [value for _, value in zip(range(_VALUES), found, strict=False)]


def _tree(result: str) -> Any:
    try:
        tree = json.loads(result)
    except (ValueError, RecursionError):
        tree = _yaml(result)
    told = isinstance(tree, (dict, list)) and bool(tree)
    # One label before some lines is no record.
    return (
        tree if told and not (isinstance(tree, dict) and [*map(type, tree.values())] == [str]) else _flow(result, tree)
    )


def _flow(result: str, tree: Any) -> Any:
    return tree if isinstance(tree, dict) and result.lstrip().startswith("{") else None


def _yaml(result: str) -> Any:
    try:
        return yaml.load(result, Loader=_LOADER)  # noqa: S506 - builds plain texts, lists and mappings alone
    except (yaml.YAMLError, ValueError, RecursionError):
        return None


def _walk(node: Any, field: str, beside: tuple[str, ...], depth: int) -> Iterator[Value]:
    if depth and isinstance(node, dict):
        texts = tuple(str(one) for one in node.values() if not isinstance(one, (dict, list)))
        for name, one in node.items():
            yield Value(str(name), field, texts, names=True)
            yield from _walk(one, str(name), texts, depth - 1)
    elif depth and isinstance(node, list):
        for one in node:
            yield from _walk(one, field, beside, depth - 1)
    elif not isinstance(node, (dict, list)) and node is not None:
        yield Value(str(node), field, beside)


def _lines(result: str) -> Iterator[Value]:
    for line in result.splitlines():
        label, colon, rest = line.strip().partition(": ")
        yield from (Value(one) for one in ((rest.strip(), line.strip()) if colon else (label,)) if one)
