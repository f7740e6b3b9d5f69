"""Text as a detector should read it: no invisible signs, no full-width look-alikes, offsets kept."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

# Soft hyphen, zero-width signs, direction marks, word joiners, byte order mark, variation selectors, tag characters.
INVISIBLE = re.compile(
    "[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufe00-\ufe0f\ufeff\U000e0000-\U000e01ef]"
)

_WIDTH: dict[int, int | str] = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_SPACES: dict[int, int | str] = dict.fromkeys((0x00A0, 0x2007, 0x2009, 0x202F, 0x3000), " ")
_DASHES: dict[int, int | str] = dict.fromkeys((*range(0x2010, 0x2016), 0x2212), "-")
_LOOK_ALIKES: dict[int, int | str] = {**_WIDTH, **_SPACES, **_DASHES}


@dataclass(frozen=True, slots=True)
class Plain:
    """A detector's reading of a text, and the way back to the text itself."""

    text: str
    offsets: Sequence[int] | None = None
    """Place of each character in the original; None where nothing moved."""

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Return the span of the original text that `start` to `end` was read from."""
        if self.offsets is None:
            return start, end
        return self.offsets[start], self.offsets[end - 1] + 1


def plain(text: str) -> Plain:
    """Read `text` one character for one character, without its invisible signs."""
    if text.isascii():
        return Plain(text)
    if not INVISIBLE.search(text):
        return Plain(text.translate(_LOOK_ALIKES))
    kept = [place for place, sign in enumerate(text) if not INVISIBLE.match(sign)]
    return Plain("".join(text[place] for place in kept).translate(_LOOK_ALIKES), kept)


def folded(text: str) -> str:
    """Return the compatibility form of `text` in small letters, without invisible signs and repeated blanks."""
    seen = text if text.isascii() else unicodedata.normalize("NFKC", INVISIBLE.sub("", text))
    return " ".join(seen.lower().split())
