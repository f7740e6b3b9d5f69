"""Ids as Langfuse accepts them: ASCII, short, free of personal data, and still distinct."""

import re
from collections.abc import Callable
from hashlib import sha256

Mask = Callable[[str], str]

_LIMIT = 200
_PLAIN = re.compile(r"[!-~](?:[ -~]{0,198}[!-~])?")
_HASHED = re.compile(r".*~[0-9a-f]{32}", re.DOTALL)
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def unmasked(text: str) -> str:
    """Return `text` as it is: the mask of a tracer that has none."""
    return text


def label(value: str, mask: Mask = unmasked) -> str:
    """Return `value` where it may be sent as it is, else a readable stub and its hash.

    Distinct values get distinct labels, because a value that looks like a hashed label is hashed too.
    """
    plain = _PLAIN.fullmatch(value) and not _HASHED.fullmatch(value)
    hidden = mask(value) != value
    if plain and not hidden:
        return value
    stub = "" if hidden else _UNSAFE.sub("-", value).strip("-")[:40]
    return f"{stub}~{sha256(value.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"
