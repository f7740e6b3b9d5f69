"""Remembers what was let in at the door, so that the same words are not judged again a moment later, inside."""

from hashlib import blake2b

REMEMBERED = 1000
"""Texts let in whose runs have not asked yet."""


class Passed:
    """Texts that one place let in and another has yet to ask about; each is asked about once."""

    def __init__(self) -> None:
        self._passed: dict[bytes, int] = {}

    def note(self, text: str) -> None:
        """Remember that a text was let in as it stands."""
        name = _name(text)
        self._passed[name] = self._passed.pop(name, 0) + 1
        if len(self._passed) > REMEMBERED:
            del self._passed[next(iter(self._passed))]

    def take(self, text: str) -> bool:
        """Tell whether exactly this text was let in, and forget it."""
        name = _name(text)
        if not (count := self._passed.pop(name, 0)):
            return False
        if count > 1:
            self._passed[name] = count - 1
        return True


def _name(text: str) -> bytes:
    return blake2b(text.encode(errors="surrogatepass"), digest_size=16).digest()
