"""Text as a detector should read it: no invisible signs, no full-width look-alikes, offsets kept."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from twintrack.core.simplified import simplified

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


# Cyrillic and Greek letters that pass for Latin ones, then digits and signs that stand for letters.
_HOMOGLYPHS = str.maketrans("аеорсухіјѕԁһɡԛԝαβεικνορτυχωɑѵӏϲ", "aeopcyxijsdhgqwabeiknoptuxwavlc")
_LEET = str.maketrans("013457@$|€!+", "oieastasleit")
_WORD = re.compile(r"[a-z0-9@$|€!+]{3,40}")
_SPACED = re.compile(r"(?<![a-z0-9])[a-z](?:[ .*_-]{1,2}[a-z]){4,200}(?![a-z0-9])")


def deciphered(seen: str) -> str:
    """Undo simple disguises in a folded text: look-alike letters, digits for letters, spread letters, escapes."""
    if seen.count("\\") * 4 > len(seen):
        seen = " ".join(seen.replace("\\ ", " ").replace("\\", "").split())
    seen = seen.translate(_HOMOGLYPHS)
    seen = _WORD.sub(_letters, seen)
    return _SPACED.sub(lambda match: re.sub("[^a-z]", "", match[0]), seen)


def _letters(match: re.Match[str]) -> str:
    """Read a word's digits and signs as letters, when letters stand around them."""
    word = match[0]
    return word.translate(_LEET) if word[0].isalpha() and word[-1].isalpha() and not word.isalpha() else word


def folded(text: str) -> str:
    """Return the compatibility form of `text` in small letters and simplified signs, without invisible signs and repeated blanks."""
    seen = text if text.isascii() else simplified(unicodedata.normalize("NFKC", INVISIBLE.sub("", text)))
    return " ".join(seen.lower().split())
