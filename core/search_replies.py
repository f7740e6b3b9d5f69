"""Reads the replies to searches, in either protocol and as cheaply as it goes: most of a search is waited for."""

from collections.abc import Collection, Mapping, Sequence
from itertools import repeat
from typing import Any

import orjson

BARE: Mapping[bytes, bytes] = {}
"""The fields of a record that came without any."""
Fields = Mapping[bytes, bytes]


def nearest(reply: Any) -> dict[str, Fields]:
    """Return the fields of each record that the vector found, by its key, in either protocol."""
    if isinstance(reply, Mapping):
        found = [(hit[b"id"], hit[b"extra_attributes"]) for hit in reply[b"results"]]
        try:
            # A record that runs out while it is found comes without fields.
            return {key.decode(): fields or BARE for key, fields in found}
        except (AttributeError, UnicodeDecodeError):  # text already, or bytes that are none
            return {_text(key): raw((fields or {}).items()) for key, fields in found}
    listed = [_paired(found) if found else BARE for found in reply[2::2]]
    try:
        return dict(zip([key.decode() for key in reply[1::2]], listed, strict=True))
    except (AttributeError, UnicodeDecodeError):
        return {_text(key): raw(fields.items()) for key, fields in zip(reply[1::2], listed, strict=True)}


def _paired(listed: Sequence[Any]) -> dict[Any, Any]:
    """Return a mapping from names and values in turn; one or two of each, as nearly every search asks for, in one step."""
    if len(listed) == 2:
        return {listed[0]: listed[1]}
    if len(listed) == 4:
        return {listed[0]: listed[1], listed[2]: listed[3]}
    return dict(zip(listed[::2], listed[1::2], strict=True))


def parse(reply: Any) -> list[tuple[str, float, dict[str, str]]]:
    """Return (key, score, fields) of each hit in a reply of FT.SEARCH, in either protocol."""
    if isinstance(reply, Mapping):
        hits = [(hit[b"id"], hit.get(b"score", 0.0), hit[b"extra_attributes"]) for hit in reply[b"results"]]
        # A record that runs out while it is found comes without fields.
        return [(_text(key), float(score), _fields((fields or {}).items())) for key, score, fields in hits]
    size = 3 if len(reply) > 2 and isinstance(reply[2], bytes | str) else 2
    marks = map(float, reply[2::size]) if size == 3 else repeat(0.0)
    found = ({} if pairs is None else _fields(zip(pairs[::2], pairs[1::2], strict=True)) for pairs in reply[size::size])
    return list(zip(map(_text, reply[1::size]), marks, found, strict=False))


def scores(reply: Any) -> dict[str, float]:
    """Return the score of each key in a reply of FT.SEARCH without content, in either protocol."""
    if isinstance(reply, Mapping):
        hits = reply[b"results"]
        try:
            return {hit[b"id"].decode(): hit[b"score"] + 0.0 for hit in hits}
        except (AttributeError, TypeError, UnicodeDecodeError):
            return {_text(hit[b"id"]): float(hit[b"score"]) for hit in hits}
    keys, marks = reply[1::2], numbers(reply[2::2])
    try:
        return dict(zip([key.decode() for key in keys], marks, strict=True))
    except (AttributeError, UnicodeDecodeError):  # text already, or bytes that are none
        return dict(zip(map(_text, keys), marks, strict=True))


def listed(reply: Any) -> int:
    """Return how many records a reply of FT.SEARCH without content lists, in either protocol."""
    return len(reply[b"results"]) if isinstance(reply, Mapping) else len(reply) // 2


def numbers(written: Collection[Any]) -> list[float]:
    """Return numbers as Redis writes them; all at once, which is a quarter of the work of one by one."""
    try:
        return [number + 0.0 for number in orjson.loads(b"[%b]" % b",".join(written))]
    except (TypeError, orjson.JSONDecodeError):  # text already, or no finite number
        return [float(number) for number in written]


def _fields(pairs: Any) -> dict[str, str]:
    fields = dict(pairs)
    try:
        return {name.decode(): value.decode() for name, value in fields.items() if value is not None}
    except (AttributeError, UnicodeDecodeError):  # text already, or bytes that are none
        return {_text(name): _text(value) for name, value in fields.items() if value is not None}


def raw(pairs: Any) -> Fields:
    """Return fields as bytes, without those a record lacks."""
    return {_bytes(name): _bytes(value) for name, value in pairs if value is not None}


def _bytes(value: bytes | str) -> bytes:
    return value if isinstance(value, bytes) else value.encode(errors="surrogatepass")


def _text(value: bytes | str) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
