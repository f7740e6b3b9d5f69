"""The first rails: a question has a size, is not empty and hides no signs."""

import re
from dataclasses import dataclass

from twintrack.guardrails.plain import INVISIBLE
from twintrack.guardrails.refusals import refusal
from twintrack.guardrails.verdict import FailureMode, Verdict

# Control characters but tab and line ends, lone surrogates, byte order marks, and the signs that turn the direction of
# reading.
_HARMFUL = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069\ufeff\ufffe\U000e0000-\U000e007f]"
)


@dataclass(frozen=True, slots=True)
class Size:
    """Rail that refuses a text longer than `limit` characters."""

    limit: int
    name: str = "size"
    failure: FailureMode = "closed"

    def check(self, text: str) -> Verdict:
        """Block what is too long."""
        if len(text) <= self.limit:
            return Verdict(self.name)
        return Verdict(self.name, "block", refusal("too_long", text[:1000], size=len(text), limit=self.limit))


@dataclass(frozen=True, slots=True)
class Blank:
    """Rail that refuses a text in which nothing can be seen."""

    name: str = "blank"
    failure: FailureMode = "closed"

    def check(self, text: str) -> Verdict:
        """Block what holds no visible sign."""
        if INVISIBLE.sub("", _HARMFUL.sub("", text)).strip():
            return Verdict(self.name)
        return Verdict(self.name, "block", refusal("empty", text))


@dataclass(frozen=True, slots=True)
class Controls:
    """Rail that takes out control characters; all that can be read stays as it was written."""

    name: str = "controls"
    failure: FailureMode = "closed"

    def check(self, text: str) -> Verdict:
        """Return the text without control characters."""
        clean = _HARMFUL.sub("", text)
        return Verdict(self.name) if clean == text else Verdict(self.name, "mask", text=clean)
