"""Gives a user the words back that were masked before anything was stored."""

import json
from collections.abc import Mapping
from typing import Any

from twintrack.core.context import Identity
from twintrack.guardrails.pii import PLACEHOLDER, restore
from twintrack.memory.vault import Vault

_SHOWN = ("text", "reason", "interrupts", "steps", "coverage")


async def with_originals(
    fields: Mapping[str, Any], found: dict[str, str], vault: Vault, identity: Identity
) -> dict[str, Any]:
    """Return an answer's fields with the placeholders of this turn and of the user's vault restored."""
    shown = {name: fields[name] for name in _SHOWN if name in fields}
    unknown = set(PLACEHOLDER.findall(json.dumps(shown, ensure_ascii=False, default=str))) - found.keys()
    known = {**found, **await vault.originals(identity, unknown)}
    return {**fields, **_restored(shown, known)} if known else dict(fields)


def _restored(value: Any, known: dict[str, str]) -> Any:
    if isinstance(value, str):
        return restore(value, known)
    if isinstance(value, (list, tuple)):
        return [_restored(item, known) for item in value]
    if isinstance(value, dict):
        return {name: _restored(item, known) for name, item in value.items()}
    return value
