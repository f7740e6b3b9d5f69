"""Knows which tenants have so many passages that a search among them must be led by the vector index and by rare words."""

import time

from twintrack.core.context import Identity
from twintrack.core.hybrid import count, tags
from twintrack.core.keys import encode
from twintrack.core.redis_index import ContractIndex

MANY = 10_000
"""Passages from which walking the vector index beats comparing each of them."""
LED = 1000
"""Records that a question's leading words may stand in together: for half of the server's time they find as good ones."""
_FOR_S = 60.0


class Crowds:
    """Counts a tenant's passages now and then; a stale count costs time or a little recall, never a wall."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], tuple[float, int]] = {}

    async def led(self, index: ContractIndex, identity: Identity) -> int:
        """Return how many records of the index leading words may stand in; 0 where the caller's tenant has few."""
        name = (index.name, identity.tenant_id)
        until, known = self._known.get(name, (0.0, 0))
        if time.monotonic() < until:
            return known
        if len(self._known) >= MANY:
            self._known.clear()
        own = await count(index, tags({"tenant": encode(identity.tenant_id)}))
        # How rare a word is is known of all tenants' records together.
        led = LED * await count(index, "*") // own if own >= MANY else 0
        self._known[name] = (time.monotonic() + _FOR_S, led)
        return led
