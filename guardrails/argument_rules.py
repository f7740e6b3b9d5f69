"""What the values of an argument may be: where they may come from, point to and how large they may get."""

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from twintrack.guardrails.pointed import points_to
from twintrack.guardrails.provenance import Seen, addresses, leaves, stands_in
from twintrack.guardrails.records import Value, values_in

_SHOWN_CHARS = 80
_SECRET_CHARS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class ArgumentRule:
    """Bounds of one argument. The first three hold for everybody; a person can lift the others."""

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
    """Tools, or fields of their records as `tool.field`, that hold what is the user's own, such as an address book."""
    pointed_at: frozenset[str] = frozenset()
    """Tools and fields that may supply the value where the user pointed at what they gave back."""
    not_from: frozenset[str] = frozenset()
    """Tools whose values must not stand in the argument, unless the user said them."""


def limits_broken(rules: Mapping[str, ArgumentRule], arguments: Mapping[str, Any]) -> Iterator[str]:
    """Say which arguments point or reach where nothing may."""
    for name, rule in rules.items():
        for value in leaves(arguments.get(name)):
            if problem := _limit(rule, value):
                yield f"{name}: {problem}"


def strange_values(rules: Mapping[str, ArgumentRule], arguments: Mapping[str, Any], seen: Seen) -> Iterator[str]:
    """Say which values come neither from the user nor from where they may come from."""
    for name, rule in rules.items():
        held: list[Any] = []
        if rule.from_user:
            held = [*leaves(arguments.get(name))]
        elif rule.addresses_from_user:
            held = [*addresses(arguments.get(name))]
        strange = (one for one in held if not known(one, rule, seen))
        yield from (f"{name}: {str(one)[:_SHOWN_CHARS]!r} was not said by the user" for one in strange)
        yield from (
            f"{name}: it holds what {tool} gave, which was not said by the user"
            for tool in _leaks(name, rule, arguments, seen)
        )


def known(value: str | int | float, rule: ArgumentRule, seen: Seen) -> bool:
    """Tell whether the value comes from where the rule lets it come from."""
    return seen.holds(value, rule.sources) or (bool(rule.pointed_at) and points_to(value, rule.pointed_at, seen))


def _leaks(name: str, rule: ArgumentRule, arguments: Mapping[str, Any], seen: Seen) -> list[str]:
    """Return the tools of which something that the user did not say stands in the argument."""
    kept = [result for result in seen.results if result.tool in rule.not_from]
    text = "\n".join(map(str, leaves(arguments.get(name)))) if kept else ""
    return sorted({one.tool for one in kept if any(_tells(value, text, seen) for value in values_in(one.text))})


def _tells(value: Value, text: str, seen: Seen) -> bool:
    if value.names or len(value.text) < _SECRET_CHARS:
        return False
    return stands_in(value.text, text) and not seen.says(value.text)


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
