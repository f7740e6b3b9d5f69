"""Names of Redis keys: one prefix, every part encoded, tenant and user in each."""

from functools import lru_cache
from urllib.parse import quote, unquote

from twintrack.core.context import Identity

PREFIX = "twintrack"


@lru_cache(4096)
def encode(part: str) -> str:
    """Return `part` so that it cannot contain a colon, a brace, a glob sign or a space, nor be a folder's "." or "..".

    Distinct parts stay distinct (percent-encoding is injective); case is kept.
    """
    if part in (".", ".."):
        return part.replace(".", "%2E")
    return quote(part, safe="", errors="surrogatepass") or "%"


def decode(part: str) -> str:
    """Return what `encode` was given."""
    return "" if part == "%" else unquote(part, errors="surrogatepass")


def key(kind: str, *parts: str) -> str:
    """Return `twintrack:kind:part:part`, each part encoded."""
    return ":".join((PREFIX, kind, *map(encode, parts)))


def owned(kind: str, identity: Identity, *parts: str) -> str:
    """Return a key that belongs to one user of one tenant."""
    return key(kind, identity.tenant_id, identity.user_id, *parts)
