"""Reads traditional Chinese as simplified, sign by sign, so that rules and words need to know one script."""

import re
from functools import cache

HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
"""Chinese signs, as a class of a pattern names them."""
_HAN = re.compile(f"[{HAN}]")


def simplified(text: str) -> str:
    """Return the text with each traditional sign replaced by its simplified one; it is as long as before.

    Signs are looked up one by one, never as part of a phrase: a piece of a text reads as it does within the whole.
    """
    if text.isascii() or not _HAN.search(text):
        return text
    signs, table = _traditional()
    return text.translate(table) if signs.search(text) else text


def load_signs() -> None:
    """Read the table now, which blocks; else the first Chinese text of the process waits for it."""
    _traditional()


def cut(pattern: re.Pattern[str], text: str) -> list[str]:
    """Return the pieces of the text between what the pattern finds in its simplified signs; they keep their own."""
    found = [match.span() for match in pattern.finditer(simplified(text))]
    starts, ends = [0, *(end for _, end in found)], [*(start for start, _ in found), len(text)]
    return [text[start:end] for start, end in zip(starts, ends, strict=True)]


@cache
def _traditional() -> tuple[re.Pattern[str], dict[int, str]]:
    """Return what finds a traditional sign, and the simplified one of each."""
    from opencc import OpenCC  # not at the top: most commands never read a Chinese text

    signs = _HAN.findall("".join(map(chr, range(0x3400, 0xFB00))))
    # A line each, so that no two are taken for a phrase.
    table = {
        ord(sign): put
        for sign, put in zip(signs, OpenCC("t2s").convert("\n".join(signs)).split("\n"), strict=True)
        if put != sign and len(put) == 1
    }
    return re.compile(f"[{''.join(map(chr, table))}]"), table
