"""Plays the person who is asked about a call and remembers nothing but what he asked for himself."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from twintrack.guardrails.approval import ORIGINS
from twintrack.guardrails.provenance import Seen, addresses, folded, has_word, leaves

_FREE_TEXT = frozenset({"body", "content", "description"})
_STRANGE = ("was not said", "did not ask")
_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d)?")
_NAME = re.compile(r"\b[A-Z][A-Za-z]+\b|\w*\d\w*")
_LONG_NUMBER = re.compile(r"\w*\d{6,}\w*")
_DEPTH = 3


def decide(prompt: str, request: dict[str, Any]) -> dict[str, Any]:
    """Approve a call in which he knows every name, address and number; reject any other.

    He knows what he said, what the request says that the tool's own rule vouches for, and what it says was found by a
    call of which he knows the same.
    """
    (action,) = request["action_requests"]
    strange = any(one in action["description"] for one in _STRANGE)
    known = _all_known(action["args"], Seen(prompt), request[ORIGINS], _DEPTH)
    return {"decisions": [{"type": "approve" if known and not strange else "reject"}]}


def _all_known(arguments: Mapping[str, Any], seen: Seen, origins: Sequence[Mapping[str, Any]], depth: int) -> bool:
    found = [
        one["value"]
        for one in origins
        if one.get("vouched") or (depth and one["arguments"] and _all_known(one["arguments"], seen, origins, depth - 1))
    ]
    return all(_known(name, _without(leaf, found), seen) for name, value in arguments.items() for leaf in leaves(value))


def _without(leaf: str | int | float, found: Sequence[str]) -> str | int | float:
    """Return the rest of a value once what was found is taken out of it."""
    for value in found if isinstance(leaf, str) else ():
        leaf = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", " ", str(leaf), flags=re.IGNORECASE)
    return leaf


def _known(argument: str, leaf: str | int | float, seen: Seen) -> bool:
    if not isinstance(leaf, str) or not leaf.strip() or seen.says(leaf):
        return True
    telling = _LONG_NUMBER if argument in _FREE_TEXT else _NAME
    words = telling.findall(_DATE.sub("", leaf))
    return all(map(seen.says, addresses(leaf))) and all(has_word({word}, folded(seen.said)) for word in words)
