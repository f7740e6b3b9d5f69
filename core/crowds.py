"""Knows which tenants have so many passages that a search among them must be led by the vector index."""

import time

from twintrack.core.context import Identity
from twintrack.core.hybrid import count, tags
from twintrack.core.keys import encode
from twintrack.core.redis_index import ContractIndex

MANY = 10_000
"""Passages from which walking the vector index beats comparing each of them."""
_FOR_S = 60.0


class Crowds:
    """Counts a tenant's passages now and then; a stale count costs time or a little recall, never a wall."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], tuple[float, bool]] = {}

    async def crowded(self, index: ContractIndex, identity: Identity) -> bool:
        """Tell whether the caller's tenant has very many passages."""
        name = (index.name, identity.tenant_id)
        until, known = self._known.get(name, (0.0, False))
        if time.monotonic() < until:
            return known
        if len(self._known) >= MANY:
            self._known.clear()
        many = await count(index, tags({"tenant": encode(identity.tenant_id)})) >= MANY
        self._known[name] = (time.monotonic() + _FOR_S, many)
        return many
