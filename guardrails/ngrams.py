"""Turns a text into the buckets of its letter and word sequences, for the injection model."""

import re
from itertools import pairwise
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

BITS = 17
_LONGEST = 6_000
_WORD = re.compile(r"\w+")
# Odd multipliers, one per place in a sequence.
_PLACES = np.array([0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D, 0x27D4EB2F, 0x165667B1], dtype=np.uint32)


def buckets(seen: str) -> NDArray[np.int64]:
    """Return the distinct buckets of a folded text: letters in threes to fives, words alone and in pairs."""
    seen = seen[:_LONGEST]
    signs = np.array([ord(sign) for sign in f" {seen} "], dtype=np.uint32)
    parts = [_sequences(signs, length) for length in (3, 4, 5) if len(signs) >= length]
    words = [word.encode("utf-8", "surrogatepass") for word in _WORD.findall(seen)]
    pairs = [first + b" " + second for first, second in pairwise(words)]
    parts.append(np.array([crc32(each) for each in words + pairs], dtype=np.uint32))
    mixed = np.concatenate(parts)
    mixed ^= mixed >> np.uint32(15)
    return np.unique(mixed & np.uint32((1 << BITS) - 1)).astype(np.int64)


def _sequences(signs: NDArray[np.uint32], length: int) -> NDArray[np.uint32]:
    count = len(signs) - length + 1
    total = np.full(count, length * 0x01000193, dtype=np.uint32)
    for place in range(length):
        total += signs[place : place + count] * _PLACES[place]
        total ^= total >> np.uint32(13)
    return total
