"""Drops the documents that are one user's alone, from every corpus and however they were read in."""

import asyncio
import json
from typing import Any

from twintrack.core.access import access_of
from twintrack.core.context import Identity
from twintrack.core.keys import decode, encode, key
from twintrack.core.passages_index import Stored, access_in, decoded, documents_key

_PAGE = 500


async def drop_own(client: Any, identity: Identity) -> int:
    """Drop a user's private documents; return how many there were."""
    pattern = key("corpus-documents") + ":*"
    names = [decoded(name).split(":") async for name in client.scan_iter(match=pattern, count=1000)]
    indexes = [decode(parts[2]) for parts in names if parts[3:] == [encode(identity.tenant_id)]]
    return sum([await _drop(client, index, identity) for index in indexes])


async def _drop(client: Any, index: str, identity: Identity) -> int:
    alone, listed = access_of([f"user:{identity.user_id}"]), documents_key(index, identity)
    rows = await client.hgetall(listed)
    own = {name: value for name, value in rows.items() if access_in(decoded(name)) == alone}
    gone = [passage for value in own.values() for passage in Stored(**json.loads(value)).passage_ids()]
    for start in range(0, len(gone), _PAGE):
        # One by one: on a cluster they lie on different nodes.
        page = gone[start : start + _PAGE]
        await asyncio.gather(*(client.unlink(key("corpus", index, identity.tenant_id, passage)) for passage in page))
    if own:
        # The list last, so that one who is stopped here can go on.
        await client.hdel(listed, *own)
        await client.incr(key("corpus-version", index, identity.tenant_id))
    return len(own)
