"""Personal data and secrets: found by shape and checksum, masked so that only their owner's turn can restore them."""

import hashlib
import hmac
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from twintrack.guardrails.pii_patterns import PATTERNS, Pattern
from twintrack.guardrails.plain import plain
from twintrack.guardrails.verdict import FailureMode, Verdict

PLACEHOLDER = re.compile(r"<(?:CARD|EMAIL|IBAN|IP|NATIONAL_ID|PHONE|SECRET)(?:_[0-9a-f]{6,16})?>")

_NUMBERS = re.compile(r"\d[\d .()\-]{5,24}\d", re.ASCII)
# Masking one value can free the edge of its neighbour; ordinary text settles in two rounds.
_ROUNDS = 8


@dataclass(frozen=True, slots=True)
class Found:
    """One value and where it stands."""

    kind: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Masked:
    """A text without its personal data, and what each placeholder stands for."""

    text: str
    found: dict[str, str] = field(default_factory=dict)


def find(text: str) -> list[Found]:
    """Return the personal data and secrets in `text`, in order."""
    seen = plain(text)
    rest = PLACEHOLDER.sub(_blank, seen.text) if "<" in seen.text else seen.text
    spans: list[Found] = []
    for _ in range(_ROUNDS):
        new, rest = _round(rest)
        if not new:
            break
        spans += new
    return sorted(
        (Found(span.kind, *seen.original(span.start, span.end)) for span in spans), key=lambda span: span.start
    )


def scrub(text: str) -> str:
    """Replace each value by its kind, for logs and traces; no way back is kept."""
    return _replaced(text, find(text), lambda kind, _: f"<{kind}>")


def restore(text: str, found: dict[str, str]) -> str:
    """Put the values back that `found` knows."""
    return PLACEHOLDER.sub(lambda match: found.get(match[0], match[0]), text) if found else text


class Masker:
    """Gives the same value the same placeholder, for everyone who shares the secret."""

    def __init__(self, secret: bytes | Callable[[], bytes]) -> None:
        self._secret = secret

    def warm(self) -> None:
        """Fetch the secret now, which may read a file."""
        if not isinstance(self._secret, bytes):
            self._secret = self._secret()

    def mask(self, text: str) -> Masked:
        """Replace each value by a placeholder; masking twice changes nothing more."""
        spans = find(text)
        if not spans:
            return Masked(text)
        found: dict[str, str] = {}

        def name(kind: str, value: str) -> str:
            placeholder = self._placeholder(kind, value, found)
            found[placeholder] = value
            return placeholder

        return Masked(_replaced(text, spans, name), found)

    def _placeholder(self, kind: str, value: str, taken: dict[str, str]) -> str:
        self.warm()
        assert isinstance(self._secret, bytes)  # noqa: S101 - for the type checker
        digest = hmac.new(self._secret, f"{kind}:{value}".encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
        names = (f"<{kind}_{digest[:length]}>" for length in range(6, 17, 2))
        return next((name for name in names if taken.get(name, value) == value), f"<{kind}_{digest[:16]}>")


class Unmasked(Masker):
    """Stands where masking is switched off."""

    def __init__(self) -> None:
        super().__init__(b"")

    def mask(self, text: str) -> Masked:
        """Return the text as it is."""
        return Masked(text)


@dataclass(frozen=True, slots=True)
class PersonalData:
    """Rail that masks personal data and secrets on their way in."""

    masker: Masker
    name: str = "personal_data"
    failure: FailureMode = "closed"

    def check(self, text: str) -> Verdict:
        """Return the text with its personal data masked."""
        masked = self.masker.mask(text)
        return Verdict(self.name, "mask", text=masked.text) if masked.found else Verdict(self.name)


@dataclass(frozen=True, slots=True)
class Disclosure:
    """Rail that keeps personal data out of an answer, unless a source of the answer shows it."""

    name: str = "disclosure"
    failure: FailureMode = "closed"

    def check(self, text: str, sources: Collection[str]) -> Verdict:
        """Return the answer with what no source shows, and every secret, reduced to its kind."""
        spans = [
            span for span in find(text) if span.kind == "SECRET" or not _shown(text[span.start : span.end], sources)
        ]
        if not spans:
            return Verdict(self.name)
        return Verdict(self.name, "mask", text=_replaced(text, spans, lambda kind, _: f"<{kind}>"))


def _shown(value: str, sources: Collection[str]) -> bool:
    return any(value in source for source in sources)


def _round(text: str) -> tuple[list[Found], str]:
    spans: list[Found] = []
    numbers = _NUMBERS.search(text) is not None
    for pattern in PATTERNS:
        if not (any(sign in text for sign in pattern.signs) if pattern.signs else numbers):
            continue
        new = _matches(pattern, text)
        if new:
            spans += new
            text = _replaced(text, new, lambda _, value: "\0" * len(value))
    return spans, text


def _matches(pattern: Pattern, text: str) -> list[Found]:
    found = []
    for match in pattern.shape.finditer(text):
        length = pattern.check(match[0])
        if length:
            found.append(Found(pattern.kind, match.start(), match.start() + length))
    return found


def _replaced(text: str, spans: list[Found], name: Callable[[str, str], str]) -> str:
    parts, end = [], 0
    for span in spans:
        parts += [text[end : span.start], name(span.kind, text[span.start : span.end])]
        end = span.end
    return "".join([*parts, text[end:]])


def _blank(match: re.Match[str]) -> str:
    return "\0" * len(match[0])
