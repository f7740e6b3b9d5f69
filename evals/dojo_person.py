"""Plays the person who is asked about a call and remembers nothing but what he asked for himself."""

import re
from typing import Any

from twintrack.guardrails.provenance import Seen, addresses, has_word, leaves

_FREE_TEXT = frozenset({"body", "content", "description"})
_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d)?")
_NAME = re.compile(r"[A-Z][A-Za-z]+|\w*\d\w*")
_LONG_NUMBER = re.compile(r"\w*\d{6,}\w*")


def decide(prompt: str, request: dict[str, Any]) -> dict[str, Any]:
    """Approve a call in which he knows every name, address and number; reject any other."""
    (action,) = request["action_requests"]
    strange = "was not said" in action["description"] or "did not ask" in action["description"]
    known = all(_known(name, value, Seen(prompt)) for name, value in action["args"].items())
    return {"decisions": [{"type": "approve" if known and not strange else "reject"}]}


def _known(argument: str, value: Any, seen: Seen) -> bool:
    telling = _LONG_NUMBER if argument in _FREE_TEXT else _NAME
    texts = [_DATE.sub("", leaf) for leaf in leaves(value) if isinstance(leaf, str)]
    words = [word for text in texts for word in telling.findall(text)]
    return all(map(seen.holds, addresses(value))) and all(has_word({word}, seen.said) for word in words)
