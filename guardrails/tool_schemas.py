"""Holds what goes into a tool and what comes out of it against their schemas."""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import jsonschema_rs

_OPEN = frozenset({"additionalProperties", "patternProperties", "allOf", "anyOf", "oneOf", "$ref"})


def argument_problem(tool: str, arguments: Any, schema: Mapping[str, Any] | None) -> str:
    """Say what is wrong with the arguments, never repeating long values."""
    if schema is None:
        return f"{tool} has no schema of its arguments."
    problems = _problems(arguments, schema)
    if problems is None:
        return f"{tool} has a schema that cannot be read."
    if unknown := _unknown(arguments, schema):
        problems.append(f"unknown arguments: {', '.join(unknown)[:200]}")
    return f"The arguments of {tool} are wrong: {'; '.join(problems[:5])}." if problems else ""


def result_problem(tool: str, text: str, schema: Mapping[str, Any] | None) -> str:
    """Say what is wrong with a result; a tool without a schema of its results may say anything."""
    if schema is None:
        return ""
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    problems = _problems(value, schema)
    if problems is None:
        return f"{tool} has a schema of its results that cannot be read."
    # The values are a stranger's words, so only their places are told.
    return f"{tool} gave back what it must not: its result does not fit its schema." if problems else ""


def _problems(value: Any, schema: Mapping[str, Any]) -> list[str] | None:
    try:
        validator = _validator(json.dumps(schema, sort_keys=True))
    except (ValueError, TypeError):
        return None
    return [_said(error) for error in validator.iter_errors(value)]


def _unknown(arguments: Any, schema: Mapping[str, Any]) -> list[str]:
    """Return arguments that the schema neither names nor invites."""
    if not isinstance(arguments, dict) or _OPEN & set(schema):
        return []
    return sorted(set(arguments) - set(schema.get("properties", {})))


def _said(error: jsonschema_rs.ValidationError) -> str:
    place = "/".join(str(part) for part in error.instance_path)
    return f"{place or 'arguments'}: {error.message[:160]}"


@lru_cache(maxsize=256)
def _validator(schema: str) -> Any:
    return jsonschema_rs.validator_for(json.loads(schema), retriever=_no_retrieval)


def _no_retrieval(uri: str) -> Any:
    """A schema of someone else's must not make this process fetch addresses."""
    raise ValueError(f"schema refers to {uri[:100]}")
