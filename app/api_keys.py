"""Tells whose API key a request carries."""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import SecretStr

from twintrack.core.context import Identity
from twintrack.core.errors import SettingsError

SHORTEST = 16
SETTING = "TWINTRACK_SERVER__KEYS"


@dataclass(frozen=True, slots=True)
class ApiKeys:
    """The keys a server accepts; only their digests are held."""

    holders: tuple[tuple[bytes, Identity], ...] = ()

    @classmethod
    def parse(cls, entries: Sequence[SecretStr]) -> "ApiKeys":
        """Read entries of the form `key:user:tenant:group,group`; groups, or they and the tenant, may be left out.

        Raises:
            SettingsError: names the entry by its place in the list, never by its text.
        """
        holders = [_parsed(place, entry.get_secret_value()) for place, entry in enumerate(entries, 1)]
        if len({digest for digest, _ in holders}) < len(holders):
            raise SettingsError(f"{SETTING} holds the same key twice.", fix="give each user a key of their own")
        return cls(tuple(holders))

    def __bool__(self) -> bool:
        return bool(self.holders)

    def holder(self, key: str) -> Identity | None:
        """Return whose key this is; how long that takes tells nothing of the keys."""
        given, found = _digest(key), None
        for digest, identity in self.holders:
            if hmac.compare_digest(digest, given):
                found = identity
        return found


def _parsed(place: int, entry: str) -> tuple[bytes, Identity]:
    key, colon, rest = entry.partition(":")
    user, _, rest = rest.partition(":")
    tenant, _, groups = rest.partition(":")
    if not colon or not user or ":" in groups:
        raise SettingsError(
            f"Entry {place} of {SETTING} is not key:user:tenant:groups.",
            fix='write "<key>:<user>", "<key>:<user>:<tenant>" or "<key>:<user>:<tenant>:<group>,<group>"',
        )
    if len(key) < SHORTEST:
        raise SettingsError(
            f"The key of entry {place} of {SETTING} is shorter than {SHORTEST} characters.",
            fix='make one with: python -c "import secrets; print(secrets.token_urlsafe(32))"',
        )
    return _digest(key), Identity(tenant or "default", user, tuple(filter(None, groups.split(","))))


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
