"""Knows which tenants have so many passages that a search among them must be led by the vector index."""

import time
from typing import NamedTuple

from twintrack.core.access import everyone
from twintrack.core.context import Identity
from twintrack.core.hybrid import count, tags
from twintrack.core.keys import encode
from twintrack.core.redis_index import ContractIndex

MANY = 10_000
"""Passages from which walking the vector index beats comparing each of them."""
_FOR_S = 60.0


class Crowd(NamedTuple):
    """What a caller searches in."""

    many: bool = False
    """Whether his tenant has very many passages."""
    alone: bool = False
    """Whether there are no others: all that the index holds, everyone in his tenant may read."""


class Crowds:
    """Counts a tenant's passages now and then.

    A stale count costs time or a little recall, never a wall: what is found is judged again when it is read.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], tuple[float, Crowd]] = {}

    async def of(self, index: ContractIndex, identity: Identity) -> Crowd:
        """Return what the caller searches in."""
        name = (index.name, identity.tenant_id)
        until, known = self._known.get(name, (0.0, Crowd()))
        if time.monotonic() < until:
            return known
        if len(self._known) >= MANY:
            self._known.clear()
        many = await count(index, tags({"tenant": encode(identity.tenant_id)})) >= MANY
        alone = many and await count(index, tags(everyone(identity))) == await count(index, "*")
        crowd = Crowd(many, alone)
        self._known[name] = (time.monotonic() + _FOR_S, crowd)
        return crowd
