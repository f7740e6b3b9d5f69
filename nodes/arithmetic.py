"""Finds the calculation in a question and writes it as a Python expression."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from twintrack.nodes.arithmetic_grammar import PRODUCTS, SHARES, SUMS, Reader
from twintrack.nodes.arithmetic_tokens import Token, holds_number, normalised, runs

MAX_CHARS = 2_000
MAX_TOKENS = 200
_ASKED_BEFORE = re.compile(
    r"(?:what\s+is|what's|whats|how\s+much\s+is|calculate|compute|evaluate|solve|work\s+out|equals|计算|算一下|算出|算算|求|=)"
    r"[\s:：]*(?:the\s+(?:value|result|answer)\s+(?:of|to)\s*|一下)?[\s:：\"'“‘]*$"
)
_ASKED_AFTER = re.compile(r"[\s\"'”’]*(?:=|equals?\b|is\s+what|等于|是多少|得多少|得几|是几|结果)")
_ASKING = re.compile(
    r"\b(?:what|whats|how|much|is|are|calculate|compute|evaluate|solve|work|out|equals?|the|value|result|answer|of|to"
    r"|please|also|then|and|now|tell|give|me|find|can|could|you|help|quickly|exactly|s)\b"
    r"|计算|请问|请|帮我|帮|我|算一下|一下|算出|算算|算|求|等于|是多少|得多少|为多少|多少|得几|是几|几|结果|答案|的|是|再|和|呢|吗"
)
"""Words that ask for a calculation and say nothing else."""
_ALONE = re.compile(r"[\s?!.=？。！：:,，]*")


def expression_in(text: str) -> str | None:
    """Return the calculation `text` asks for as a Python expression, several as a tuple, or None.

    Dates, ranges, versions, ratios and phone numbers are no calculations.
    """
    found = expressions_in(text)
    if len(found) > 1:
        return f"({', '.join(found)})"
    return found[0] if found else None


def expressions_in(text: str) -> list[str]:
    """Return every calculation in `text`, in order."""
    return [one.expression for one in _found(normalised(text[:MAX_CHARS]))]


def beside(text: str) -> str:
    """Return what `text` says beside its calculations and the words that ask for them."""
    plain = normalised(text[:MAX_CHARS])
    for one in reversed(_found(plain)):
        plain = f"{plain[: one.start]} {plain[one.end :]}"
    return _ASKING.sub(" ", plain)


class _Calculation(NamedTuple):
    expression: str
    start: int
    end: int


def _found(plain: str) -> list[_Calculation]:
    if not holds_number(plain):  # as nearly every question
        return []
    return [one for run in runs(plain) for one in _in_run(run[:MAX_TOKENS], plain)]


def _in_run(run: Sequence[Token], text: str) -> list[_Calculation]:
    found, start = [], 0
    while start < len(run):
        reader = Reader(run[start:])
        expression = reader.calculation()
        used = run[start : start + reader.position]
        if expression and _meant(used, text):
            found.append(_Calculation(expression, used[0].start, used[-1].end))
            start += len(used)
        else:
            start += 1
    return found


def _meant(used: Sequence[Token], text: str) -> bool:
    """Tell whether the signs were meant as a calculation: `3-2` alone may be a score."""
    before, after = text[: used[0].start], text[used[-1].end :]
    if any(token.kind == "difference" for token in used):
        return _ALONE.match(after) is not None and not re.match(r"\s*\w", after)
    signs = [token for token in used if token.kind in SUMS or token.kind in PRODUCTS]
    if not signs or any(not token.weak for token in signs) or any(token.kind in SHARES for token in used):
        return True
    asked = _ASKED_BEFORE.search(before) or _ASKED_AFTER.match(after)
    return bool(asked) or bool(_ALONE.fullmatch(before) and _ALONE.fullmatch(after))
