"""Which agent may call which tool, with which arguments, and how much it may read of the result."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import jsonschema_rs

from twintrack.guardrails.verdict import FailureMode, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolAnnotations:
    """What a tool does to the world."""

    read_only: bool = False
    """It changes nothing; a read-only agent may call it."""
    destructive: bool = False
    """It changes what cannot be changed back; each call needs a person's approval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolPolicy:
    """Rail over tool calls: what is not allowed by name is refused."""

    allowed: Mapping[str, frozenset[str]]
    """Names of tools by name of agent."""
    annotations: Mapping[str, ToolAnnotations] = field(default_factory=dict)
    read_only_agents: frozenset[str] = frozenset()
    """Agents that may only call tools annotated as read-only."""
    max_result_chars: int = 20_000
    name: str = "tools"
    failure: FailureMode = "closed"

    def check_call(
        self, agent: str, tool: str, arguments: Any, schema: Mapping[str, Any] | None, *, approved: bool = False
    ) -> Verdict:
        """Judge one call; the reason is written for the model, so that it can mend the call."""
        problem = self._permission_problem(agent, tool, approved=approved) or _argument_problem(tool, arguments, schema)
        return Verdict(self.name, "block", problem) if problem else Verdict(self.name)

    def reads_only(self, tool: str) -> bool:
        """Tell whether the tool is annotated as one that changes nothing."""
        return self.annotations.get(tool, ToolAnnotations()).read_only

    def check_result(self, text: str) -> Verdict:
        """Cut a result that is too long, and say so in it."""
        if len(text) <= self.max_result_chars:
            return Verdict(self.name)
        note = f"\n[cut: {self.max_result_chars} of {len(text)} characters are shown]"
        return Verdict(self.name, "mask", text=text[: self.max_result_chars] + note)

    def _permission_problem(self, agent: str, tool: str, *, approved: bool) -> str:
        if tool not in self.allowed.get(agent, frozenset()):
            return "This tool is not available to you. Use one of your own tools."
        known = self.annotations.get(tool, ToolAnnotations())
        if agent in self.read_only_agents and not known.read_only:
            return f"You may only read, and {tool} may change something."
        if known.destructive and not approved:
            return f"A person must approve each call of {tool}."
        return ""


def _argument_problem(tool: str, arguments: Any, schema: Mapping[str, Any] | None) -> str:
    """Say what is wrong with the arguments, never repeating long values."""
    if schema is None:
        return f"{tool} has no schema of its arguments."
    try:
        validator = _validator(json.dumps(schema, sort_keys=True))
    except (ValueError, TypeError):
        return f"{tool} has a schema that cannot be read."
    problems = [_said(error) for error in validator.iter_errors(arguments)]
    unknown = _unknown(arguments, schema)
    if unknown:
        problems.append(f"unknown arguments: {', '.join(unknown)[:200]}")
    return f"The arguments of {tool} are wrong: {'; '.join(problems[:5])}." if problems else ""


def _unknown(arguments: Any, schema: Mapping[str, Any]) -> list[str]:
    """Return arguments that the schema neither names nor invites."""
    if not isinstance(arguments, dict) or {
        "additionalProperties",
        "patternProperties",
        "allOf",
        "anyOf",
        "oneOf",
        "$ref",
    } & set(schema):
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
