"""Gives the owner the masked words back while an answer streams, also where a placeholder comes in pieces."""

import re
from collections.abc import AsyncIterator

from twintrack.app.streaming import StreamEvent
from twintrack.core.context import Identity
from twintrack.guardrails.pii import PLACEHOLDER, restore
from twintrack.memory.vault import Vault

_BEGUN = re.compile(r"<[A-Z_]{0,12}[0-9a-f]{0,16}\Z")
"""The end of a text that may become a placeholder: never longer than one is."""


async def restored(
    events: AsyncIterator[StreamEvent], found: dict[str, str], vault: Vault, identity: Identity
) -> AsyncIterator[StreamEvent]:
    """Pass the events on; tokens with the user's own placeholders restored, a possible beginning of one held back."""
    held, known = "", dict(found)
    async for event in events:
        if event.kind != "token":
            yield event
            continue
        ready, held = _split(held + event.token)
        if ready:
            yield StreamEvent("token", token=await _original(ready, known, vault, identity))
    if held:
        yield StreamEvent("token", token=held)


def _split(text: str) -> tuple[str, str]:
    begun = _BEGUN.search(text)
    return (text[: begun.start()], begun[0]) if begun else (text, "")


async def _original(text: str, known: dict[str, str], vault: Vault, identity: Identity) -> str:
    if unknown := set(PLACEHOLDER.findall(text)) - known.keys():
        known.update(await vault.originals(identity, unknown))
    return restore(text, known)
