"""Tells a person who is asked about a call where the values come from that he did not say himself."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from twintrack.guardrails.argument_rules import ArgumentRule, known
from twintrack.guardrails.provenance import Result, Seen, leaves, same, stands_in
from twintrack.guardrails.records import values_in

_DEPTH = 3
_MOST = 20
_SHOWN_CHARS = 120
_TELLING_CHARS = 4


def origins(arguments: Mapping[str, Any], rules: Mapping[str, ArgumentRule], seen: Seen) -> list[dict[str, Any]]:
    """Return the values that the user did not say, each with the call that gave it back, and the same of that call.

    `vouched` are values that an argument's rule takes from there.
    """
    found: list[dict[str, Any]] = []
    for origin in chain(_vouched(arguments, rules, seen), _origins(arguments, seen.results, seen, _DEPTH)):
        if all((origin["value"], origin["tool"]) != (one["value"], one["tool"]) for one in found[:_MOST]):
            found.append(origin)
    return found[:_MOST]


def told(found: Sequence[Mapping[str, Any]]) -> str:
    """Write the origins down in words."""
    calls = [f"{one['value']!r} from {one['tool']}({_asked(one['arguments'])})" for one in found]
    return f" You did not say: {'; '.join(calls)}." if calls else ""


def _vouched(arguments: Mapping[str, Any], rules: Mapping[str, ArgumentRule], seen: Seen) -> Iterator[dict[str, Any]]:
    for name, rule in rules.items():
        tools = {one.partition(".")[0] for one in rule.sources | rule.pointed_at}
        for leaf in leaves(arguments.get(name)):
            if tools and not seen.says(leaf) and known(leaf, rule, seen):
                yield from (
                    {**_origin(str(leaf), result), "vouched": True}
                    for result in seen.results
                    if result.tool in tools and stands_in(str(leaf), result.text)
                )


def _origins(
    arguments: Mapping[str, Any], results: Sequence[Result], seen: Seen, depth: int
) -> Iterator[dict[str, Any]]:
    for leaf in leaves(dict(arguments)) if depth else ():
        if seen.says(leaf):
            continue
        for place, result in enumerate(results):
            for value in sorted({one.text for one in values_in(result.text) if _supplies(one.text, leaf)}):
                if not seen.says(value):
                    yield _origin(value, result)
                    # What a call was asked with was read before it.
                    yield from _origins(result.arguments, results[:place], seen, depth - 1)


def _supplies(value: str, leaf: str | int | float) -> bool:
    if same(leaf, value):
        return True
    return isinstance(leaf, str) and len(value) >= _TELLING_CHARS and stands_in(value, leaf)


def _origin(value: str, result: Result) -> dict[str, Any]:
    asked = {name: one[:_SHOWN_CHARS] if isinstance(one, str) else one for name, one in result.arguments.items()}
    return {"value": value, "tool": result.tool, "arguments": asked}


def _asked(arguments: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={str(one)[:_SHOWN_CHARS]!r}" for name, one in arguments.items())
