"""Tells in one pass whether a text may break any of many rules: nearly all texts break none."""

import re
from collections.abc import Mapping

import re2

_NOT_FOLLOWED = "(?!"
_LETTER_BEYOND_ASCII = re.compile(r"[^\W\x00-\x7f]")
_HALF_SIGN = re.compile("[\ud800-\udfff]")
"""What UTF-8 has no bytes for; no rule names it, and none the sign read in its place."""
_MEMORY = 16 << 20
"""Bytes that the states of the pass may take; where they are more, they are made anew."""


class RuleFilter:
    """Lets no text through that breaks a rule; one that it stops may break none.

    Its words are made of ASCII letters alone, so in rules that know words any other letter is read as x, in the rules as
    in the text.
    """

    def __init__(self, rules: Mapping[str, re.Pattern[str]], *, words: bool = True) -> None:
        self.rules = rules
        self._words = words
        options = re2.Options()
        options.max_mem = _MEMORY
        self._any = re2.Set.SearchSet(options)
        for rule in rules.values():
            self._any.Add(self._read(without_lookaheads(rule.pattern)))
        self._any.Compile()

    def stops(self, text: str) -> bool:
        """Tell whether the text may break a rule."""
        return bool(self._any.Match(self._read(text)))

    def _read(self, text: str) -> str:
        if text.isascii():
            return text
        return _HALF_SIGN.sub("\ufffd", _LETTER_BEYOND_ASCII.sub("x", text) if self._words else text)


def without_lookaheads(pattern: str) -> str:
    """Return a pattern that matches wherever the given one does, and perhaps elsewhere."""
    while (start := pattern.find(_NOT_FOLLOWED)) >= 0:
        pattern = pattern[:start] + pattern[_end_of_group(pattern, start) :]
    return pattern


def _end_of_group(pattern: str, start: int) -> int:
    """Return the place behind the group that opens at `start`; brackets in escapes and classes open none."""
    depth, place, in_class = 0, start, False
    while True:
        sign = pattern[place]
        place += 2 if sign == "\\" else 1
        if in_class:
            in_class = sign != "]"
        elif sign == "[":
            in_class = True
        elif sign in "()":
            depth += 1 if sign == "(" else -1
            if not depth:
                return place
