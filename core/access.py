"""Who may read a document: everyone in its tenant, or the users and groups it names."""

from collections.abc import Callable, Iterable

from twintrack.core.context import Identity
from twintrack.core.errors import SettingsError
from twintrack.core.keys import encode

EVERYONE = "all"
SEPARATOR = "\t"
"""Between a document's readers; no encoded name holds it."""


def user(name: str) -> str:
    """Return the tag of one user."""
    return f"user {encode(name)}"


def group(name: str) -> str:
    """Return the tag of a group of users."""
    return f"group {encode(name)}"


def access_of(readers: Iterable[str]) -> str:
    """Return what is stored of a document's readers, each given as `user:NAME` or `group:NAME`; none is everyone.

    Raises:
        SettingsError: a reader is neither.
    """
    return SEPARATOR.join(sorted({_tag(reader) for reader in readers})) or EVERYONE


def own_tags(identity: Identity) -> tuple[str, ...]:
    """Return the tags that the caller has and others may not."""
    return (user(identity.user_id), *map(group, sorted(set(identity.groups))))


def reach(identity: Identity) -> dict[str, str | tuple[str, ...]]:
    """Return the tags a query by this caller is held to."""
    return {"wall": tuple(_wall(identity, tag) for tag in (EVERYONE, *own_tags(identity)))}


def walls_of(access: str, identity: Identity) -> str:
    """Return the tags by which a document of the caller's tenant is found: its tenant and a reader in each."""
    return SEPARATOR.join(_wall(identity, tag) for tag in access.split(SEPARATOR))


def may_read(access: str, identity: Identity) -> bool:
    """Tell whether the caller is among a document's readers."""
    return readable_by(identity)(access)


def readable_by(identity: Identity) -> Callable[[str], bool]:
    """Return what tells of a document's access whether the caller is among its readers."""
    tags = {EVERYONE, *own_tags(identity)}
    return lambda access: not tags.isdisjoint(access.split(SEPARATOR))


def may_replace(access: str, identity: Identity) -> bool:
    """Tell whether a document may go when the caller reads it in anew: in his tenant, all but another user's own."""
    tags = access.split(SEPARATOR)
    return len(tags) > 1 or not tags[0].startswith("user ") or tags[0] == user(identity.user_id)


def restricted_tags(access: str) -> list[str]:
    """Return the readers a document is kept to; none where everyone may read it."""
    return [tag for tag in access.split(SEPARATOR) if tag != EVERYONE]


def _wall(identity: Identity, tag: str) -> str:
    # One tag for both: the query engine looks a wall up beside each word, and a second one costs as much again.
    return f"{encode(identity.tenant_id)}/{tag}"


def _tag(reader: str) -> str:
    kind, _, name = reader.partition(":")
    tags = {"user": user, "group": group}
    if kind not in tags or not name:
        raise SettingsError(f"{reader!r} is no reader.", fix="write user:NAME or group:NAME")
    return tags[kind](name)
