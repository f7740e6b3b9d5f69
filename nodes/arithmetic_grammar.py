"""Reads calculation words by precedence and writes Python."""

import re
from collections.abc import Callable, Sequence

from twintrack.nodes.arithmetic_tokens import Token

MAX_DEPTH = 20
SUMS = {"plus": "+", "minus": "-"}
PRODUCTS = {"times": "*", "over": "/", "modulo": "%"}
_SUFFIXES = {"squared": "** 2", "cubed": "** 3", "rooted": "** 0.5", "cube-rooted": "** (1 / 3)"}
_PREFIXES = {"sqrt": "** 0.5", "cbrt": "** (1 / 3)"}
_LISTS = {"sum": " + ", "product": " * ", "mean": " + ", "difference": " - "}
SHARES = frozenset({"percent", "fraction"})


class _Broken(Exception):
    """The tokens at hand are no expression."""


class Reader:
    """Reads one expression by precedence: sums, products, powers, suffixes, single numbers."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self.position = 0
        self._operations = 0
        self._depth = 0

    def calculation(self) -> str | None:
        """Return the expression at the start of the tokens; None for none, or for a bare number."""
        try:
            expression = self._trailing_list() or self._sum()
        except _Broken:
            return None
        return expression if self._operations else None

    def _sum(self) -> str:
        return self._chain(SUMS, self._product)

    def _product(self) -> str:
        left = self._chain(PRODUCTS, self._power)
        while self._shares_follow():
            left = self._attempt(lambda left=left: self._share(left)) or left  # type: ignore[misc]
            if self._kind() in ("of", "off"):
                break
        return left

    def _chain(self, signs: dict[str, str], operand: Callable[[], str]) -> str:
        left = operand()
        while self._kind() in signs:
            sign = signs[self._kind()]
            right = self._attempt(lambda: self._after_sign(operand))
            if right is None:
                break
            self._operations += 1
            left = f"{left} {sign} {right}"
        return left

    def _after_sign(self, operand: Callable[[], str]) -> str:
        self._take()
        return operand()

    def _shares_follow(self) -> bool:
        last = self._tokens[self.position - 1].kind if self.position else ""
        following = [token.kind for token in self._tokens[self.position : self.position + 3]]
        if not following or following[0] not in ("of", "off"):
            return False
        share_after = following[1:2] == ["fraction"] or following[1:3] == ["number", "percent"]
        return last in SHARES or share_after or (following[0] == "of" and self._is_ratio())

    def _is_ratio(self) -> bool:
        return [token.kind for token in self._tokens[max(0, self.position - 3) : self.position]] == [
            "number",
            "over",
            "number",
        ]

    def _share(self, left: str) -> str:
        kind = self._take().kind
        right = self._power()
        self._operations += 1
        return f"{right} * (1 - {left})" if kind == "off" else f"{left} * {right}"

    def _power(self) -> str:
        if self._depth > MAX_DEPTH:
            raise _Broken
        self._depth += 1
        try:
            return self._signed()
        finally:
            self._depth -= 1

    def _signed(self) -> str:
        if self._kind() == "minus":
            self._take()
            return f"-{self._power()}"
        base = self._suffixed()
        if self._kind() != "power":
            return base
        exponent = self._attempt(lambda: self._after_sign(self._power))
        if exponent is None:
            return base
        self._operations += 1
        return f"{_grouped(base)} ** {_grouped(exponent)}"

    def _suffixed(self) -> str:
        value = self._single()
        while (kind := self._kind()) in _SUFFIXES or kind in ("percent", "raised"):
            token = self._take()
            if kind == "percent":
                value = f"({value} / 100)"
                continue
            self._operations += 1
            suffix = _SUFFIXES.get(kind) or f"** {token.text}"
            value = f"({_grouped(value)} {suffix})"
        return value

    def _single(self) -> str:
        kind = self._kind()
        if kind in ("number", "fraction"):
            return self._take().text
        if kind in _PREFIXES:
            self._take()
            self._operations += 1
            return f"({_grouped(self._suffixed())} {_PREFIXES[kind]})"
        if kind in _LISTS:
            self._take()
            return self._listed(kind, self._items())
        if kind == "open":
            return self._bracketed()
        raise _Broken

    def _bracketed(self) -> str:
        self._take()
        inside = self._sum()
        if self._kind() != "close":
            raise _Broken
        self._take()
        return f"({inside})"

    def _trailing_list(self) -> str | None:
        """Read `3、4和5的和`, where what to do with the list comes after it."""

        def read() -> str:
            items = self._items()
            kind = self._kind()
            if not kind.startswith("list-"):
                raise _Broken
            self._take()
            return self._listed(kind.removeprefix("list-"), items)

        return self._attempt(read)

    def _items(self) -> list[str]:
        items = [self._suffixed()]
        while self._kind() == "comma":
            item = self._attempt(self._following_item)
            if item is None:
                break
            items.append(item)
        return items

    def _following_item(self) -> str:
        while self._kind() == "comma":
            self._take()
        return self._suffixed()

    def _listed(self, kind: str, items: list[str]) -> str:
        if len(items) < 2:
            raise _Broken
        self._operations += 1
        joined = f"({_LISTS[kind].join(items)})"
        return f"({joined} / {len(items)})" if kind == "mean" else joined

    def _attempt(self, read: Callable[[], str]) -> str | None:
        """Read, or leave everything as it was."""
        position, operations = self.position, self._operations
        try:
            return read()
        except _Broken:
            self.position, self._operations = position, operations
            return None

    def _kind(self) -> str:
        return self._tokens[self.position].kind if self.position < len(self._tokens) else ""

    def _take(self) -> Token:
        if self.position >= len(self._tokens):
            raise _Broken
        self.position += 1
        return self._tokens[self.position - 1]


def _grouped(expression: str) -> str:
    plain = re.fullmatch(r"[\d.]+", expression) or (expression[0] == "(" and _closes_at_end(expression))
    return expression if plain else f"({expression})"


def _closes_at_end(expression: str) -> bool:
    depth = 0
    for index, sign in enumerate(expression):
        depth += (sign == "(") - (sign == ")")
        if depth == 0:
            return index == len(expression) - 1
    return False
