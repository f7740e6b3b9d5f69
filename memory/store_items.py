"""How an item of the store is written down in Redis, and how it compares with a filter."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

from langgraph.store.base import Item, MatchCondition

from twintrack.core.keys import decode, encode, key

KIND = "item"
FIELDS = (b"value", b"created", b"updated", b"ttl")
Namespace = tuple[str, ...]


def item_key(namespace: Namespace, name: str) -> str:
    """Return the one Redis key of an item."""
    return key(KIND, joined(namespace), name)


def joined(namespace: Namespace) -> str:
    """Return a namespace as one string; distinct namespaces stay distinct, case included."""
    return "/".join(map(encode, namespace))


def parted(joined_: str) -> Namespace:
    """Return the namespace that `joined` was given."""
    return tuple(map(decode, joined_.split("/"))) if joined_ else ()


def place_of(redis_key: str) -> tuple[Namespace, str]:
    """Return the namespace and key that `item_key` was given."""
    namespace, name = redis_key.rsplit(":", 2)[1:]
    return parted("" if namespace == "%" else decode(namespace)), decode(name)


def prefix_tag(prefix: Namespace) -> str:
    """Return the tag that every item under a prefix carries: plain letters, so no query has to escape it."""
    return blake2b(joined(prefix).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def prefix_tags(namespace: Namespace) -> str:
    """Return the tags of all prefixes of a namespace, the empty one included."""
    return ",".join(prefix_tag(namespace[:size]) for size in range(len(namespace) + 1))


def item_of(namespace: Namespace, name: str, raw: Sequence[bytes | None]) -> Item | None:
    """Return an item from its stored fields, or None where it is gone."""
    value, created, updated, _ = raw
    if value is None or created is None or updated is None:
        return None
    return Item(
        value=json.loads(value), key=name, namespace=namespace, created_at=_moment(created), updated_at=_moment(updated)
    )


def _moment(microseconds: bytes) -> datetime:
    return datetime.fromtimestamp(int(microseconds) / 1e6, UTC)


def fits(value: Mapping[str, Any], wanted: Mapping[str, Any] | None) -> bool:
    """Tell whether an item's value passes a filter: equal values, or `$eq $ne $gt $gte $lt $lte`."""
    return all(_fits(value.get(label), want) for label, want in (wanted or {}).items())


def _fits(value: Any, want: Any) -> bool:
    if isinstance(want, Mapping) and any(label.startswith("$") for label in want):
        return all(_compares(value, operator, bound) for operator, bound in want.items())
    if isinstance(want, Mapping):
        return isinstance(value, Mapping) and fits(value, want)
    if isinstance(want, list | tuple):
        return isinstance(value, list | tuple) and len(value) == len(want) and all(map(_fits, value, want))
    return bool(value == want)


def _compares(value: Any, operator: str, bound: Any) -> bool:
    if operator in ("$eq", "$ne"):
        return bool(value == bound) == (operator == "$eq")
    try:
        distance = float(value) - float(bound)
    except (TypeError, ValueError):
        return False
    answers = {"$gt": distance > 0, "$gte": distance >= 0, "$lt": distance < 0, "$lte": distance <= 0}
    if operator not in answers:
        raise ValueError(f"Unsupported operator: {operator}")
    return answers[operator]


def matches(namespace: Namespace, condition: MatchCondition) -> bool:
    """Tell whether a namespace begins or ends as wanted; `*` stands for any label."""
    path = condition.path
    if len(namespace) < len(path):
        return False
    labels = namespace[: len(path)] if condition.match_type == "prefix" else namespace[len(namespace) - len(path) :]
    return all(want in ("*", label) for label, want in zip(labels, path, strict=True))


def hits(reply: Any) -> list[tuple[str, float]]:
    """Return the keys of a search's reply and their distances, in either protocol."""
    if isinstance(reply, Mapping):
        return [(_text(hit[b"id"]), _distance(hit.get(b"extra_attributes"))) for hit in reply[b"results"]]
    found: list[tuple[str, float]] = []
    for part in reply[1:]:
        if isinstance(part, bytes | str):
            found.append((_text(part), 0.0))
        elif part:
            found[-1] = (found[-1][0], _distance(dict(zip(part[::2], part[1::2], strict=True))))
    return found


def groups(reply: Any) -> list[str]:
    """Return the one value of each group of an aggregation's reply, in either protocol."""
    if isinstance(reply, Mapping):
        rows = [row[b"extra_attributes"].get(b"ns") for row in reply[b"results"]]
    else:
        rows = [row[1] if len(row) > 1 else None for row in reply[1:]]
    return [_text(row) for row in rows if row is not None]


def _distance(fields: Mapping[bytes, bytes] | None) -> float:
    return float((fields or {}).get(b"distance", 0.0))


def _text(raw: bytes | str) -> str:
    return raw.decode() if isinstance(raw, bytes) else raw
