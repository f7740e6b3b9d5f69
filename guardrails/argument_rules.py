"""What the values of an argument may be: where they may come from, point to and how large they may get."""

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from twintrack.guardrails.provenance import Seen, addresses, leaves

_SHOWN_CHARS = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class ArgumentRule:
    """Bounds of one argument. The first three hold for everybody; the last three can be lifted by a person."""

    hosts: frozenset[str] | None = None
    """Hosts that a link may point to, with what is below them; None for any."""
    under: str | None = None
    """Folder that a path must stay in."""
    at_most: float | None = None
    """Largest amount."""
    from_user: bool = False
    """Each value must be one that the user said, or that a tool in `sources` gave."""
    addresses_from_user: bool = False
    """The same for the links and e-mail addresses inside a text."""
    sources: frozenset[str] = frozenset()
    """Tools whose results are known to be records of the user's own, such as an address book."""


def limits_broken(rules: Mapping[str, ArgumentRule], arguments: Mapping[str, Any]) -> Iterator[str]:
    """Say which arguments point or reach where nothing may."""
    for name, rule in rules.items():
        for value in leaves(arguments.get(name)):
            if problem := _limit(rule, value):
                yield f"{name}: {problem}"


def strange_values(rules: Mapping[str, ArgumentRule], arguments: Mapping[str, Any], seen: Seen) -> Iterator[str]:
    """Say which values come neither from the user nor from where they may come from."""
    for name, rule in rules.items():
        if rule.from_user:
            strange: list[Any] = [one for one in leaves(arguments.get(name)) if not seen.holds(one, rule.sources)]
        elif rule.addresses_from_user:
            strange = [one for one in addresses(arguments.get(name)) if not seen.holds(one, rule.sources)]
        else:
            continue
        yield from (f"{name}: {str(one)[:_SHOWN_CHARS]!r} was not said by the user" for one in strange)


def _limit(rule: ArgumentRule, value: str | int | float) -> str:
    if rule.hosts is not None and not _allowed_host(str(value), rule.hosts):
        return "this host is not allowed"
    if rule.under is not None and not _stays(str(value), rule.under):
        return f"it must stay in {rule.under}"
    if rule.at_most is not None and not _small(value, rule.at_most):
        return f"at most {rule.at_most:g} is allowed"
    return ""


def _allowed_host(link: str, hosts: frozenset[str]) -> bool:
    try:
        # A backslash is a slash to some clients, and would move the end of the host.
        parts = urlsplit((link if "//" in link else f"//{link}").replace("\\", "/"))
        host = (parts.hostname or "").rstrip(".").lower()
    except ValueError:
        return False
    if parts.scheme not in ("", "http", "https") or not host:
        return False
    return any(host == one or host.endswith(f".{one}") for one in hosts)


def _stays(path: str, folder: str) -> bool:
    root = posixpath.normpath(folder)
    if "\0" in path or "\\" in path:
        return False
    reached = posixpath.normpath(posixpath.join(root, path))
    return reached == root or reached.startswith(root.rstrip("/") + "/")


def _small(value: str | int | float, at_most: float) -> bool:
    try:
        return abs(float(value)) <= at_most
    except ValueError:
        return False
