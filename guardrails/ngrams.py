"""Turns a text into the buckets of its letter and word sequences, for the injection model."""

import re
from itertools import pairwise
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

BITS = 17
_LONGEST = 6_000
_WORD = re.compile(r"\w+")
_LENGTHS = (3, 4, 5)
_SEEDS = np.array([[length * 0x01000193] for length in _LENGTHS], dtype=np.uint32)
# Odd multipliers, one per place in a sequence.
_PLACES = np.array([0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D, 0x27D4EB2F, 0x165667B1], dtype=np.uint32)


def buckets(seen: str) -> NDArray[np.int64]:
    """Return the distinct buckets of a folded text: letters in threes to fives, words alone and in pairs."""
    seen = seen[:_LONGEST]
    parts = _sequences(np.frombuffer(f" {seen} ".encode("utf-32-le", "surrogatepass"), dtype="<u4"))
    words = [word.encode("utf-8", "surrogatepass") for word in _WORD.findall(seen)]
    pairs = [first + b" " + second for first, second in pairwise(words)]
    parts.append(np.array([crc32(each) for each in words + pairs], dtype=np.uint32))
    mixed = np.concatenate(parts)
    mixed ^= mixed >> np.uint32(15)
    return np.unique(mixed & np.uint32((1 << BITS) - 1)).astype(np.int64)


def _sequences(signs: NDArray[np.uint32]) -> list[NDArray[np.uint32]]:
    """Return what the sequences of each length come to: all lengths at once, a row each, for the places they share."""
    count = len(signs)
    following = np.concatenate([signs, np.zeros(_LENGTHS[-1], np.uint32)])
    totals = np.empty((len(_LENGTHS), count), np.uint32)
    totals[:] = _SEEDS
    for place, factor in enumerate(_PLACES):
        longer = totals[max(0, place - _LENGTHS[0] + 1) :]
        longer += following[place : place + count] * factor
        longer ^= longer >> np.uint32(13)
    return [row[: count - length + 1] for row, length in zip(totals, _LENGTHS, strict=True) if count >= length]
