"""Keeps what a user's placeholders stand for, encrypted, so that their own answers can show it again."""

import hashlib
import hmac
import logging
from collections.abc import Callable, Collection, Mapping
from secrets import token_bytes
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from redis.exceptions import RedisError

from twintrack.core.context import Identity
from twintrack.core.keys import owned
from twintrack.core.redis_client import RedisSource

log = logging.getLogger(__name__)

_NONCE = 12
_BROKEN = (RedisError, OSError, TimeoutError)


def vault_key(identity: Identity) -> str:
    """Return the key of the user's originals."""
    return owned("vault", identity)


class Vault:
    """The originals of every user's placeholders; each call is held to one identity."""

    def __init__(self, source: RedisSource, secret: Callable[[], bytes], *, ttl_days: int) -> None:
        self._source = source
        self._secret = secret
        self._ttl_s = ttl_days * 86_400

    async def keep(self, identity: Identity, found: Mapping[str, str]) -> None:
        """Keep what each placeholder stands for; the time to live begins anew."""
        if not found:
            return
        values: Any = {name: self._sealed(identity, name, value) for name, value in found.items()}
        try:
            async with self._source.client().pipeline(transaction=True) as pipe:
                pipe.hset(vault_key(identity), mapping=values)
                pipe.expire(vault_key(identity), self._ttl_s)
                await pipe.execute()
        except _BROKEN as error:
            log.warning("The vault does without what was masked just now: %s", type(error).__name__)

    async def originals(self, identity: Identity, placeholders: Collection[str]) -> dict[str, str]:
        """Return what the user's own placeholders stand for; a stranger's is left out."""
        names = sorted(placeholders)
        if not names:
            return {}
        try:
            values: Any = await self._source.client().hmget(vault_key(identity), names)
        except _BROKEN as error:
            log.warning("The vault cannot be read: %s", type(error).__name__)
            return {}
        opened = ((name, self._opened(identity, name, value)) for name, value in zip(names, values, strict=True))
        return {name: value for name, value in opened if value is not None}

    def seal(self, identity: Identity, name: str, plain: bytes) -> bytes:
        """Return bytes that open only for this user, under this name."""
        nonce = token_bytes(_NONCE)
        return nonce + self._cipher().encrypt(nonce, plain, _bound(identity, name))

    def unseal(self, identity: Identity, name: str, sealed: bytes) -> bytes | None:
        """Return what was sealed; None where another secret, user or name sealed it."""
        try:
            return self._cipher().decrypt(sealed[:_NONCE], sealed[_NONCE:], _bound(identity, name))
        except (InvalidTag, ValueError):
            return None

    def _sealed(self, identity: Identity, name: str, value: str) -> bytes:
        return self.seal(identity, name, value.encode("utf-8", "surrogatepass"))

    def _opened(self, identity: Identity, name: str, sealed: bytes | None) -> str | None:
        plain = self.unseal(identity, name, sealed) if sealed else None
        return None if plain is None else plain.decode("utf-8", "surrogatepass")

    def _cipher(self) -> AESGCM:
        return AESGCM(hmac.new(self._secret(), b"twintrack vault", hashlib.sha256).digest())


def _bound(identity: Identity, name: str) -> bytes:
    """Return what ties a sealed value to its place: moved to another user's vault, it does not open."""
    return f"{vault_key(identity)} {name}".encode()
