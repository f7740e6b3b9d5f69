"""Numbers as people write them, in digits or in words, English or Chinese, turned into Python literals."""

import re
from decimal import Decimal

_UNITS = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_SCALES = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_WORDS = {word: value for value, word in enumerate(_UNITS.split())} | {
    word: 10 * value for value, word in enumerate(_TENS.split(), start=2)
}
_HAN = {sign: value for value, sign in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0}
_HAN_SCALES = {"十": 10, "百": 100, "千": 1000}
_HAN_BLOCKS = {"万": 10**4, "亿": 10**8, "萬": 10**4, "億": 10**8}

_HAN_SIGNS = "".join([*_HAN, *_HAN_SCALES, *_HAN_BLOCKS])
_WORD = "|".join(sorted([*_WORDS, *_SCALES], key=len, reverse=True))
_DIGITS = r"(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]+)?|\.[0-9]+"
_FIRST_LETTERS = "".join(sorted({word[0] for word in [*_WORDS, *_SCALES]}))
# Most signs begin no number: the look ahead passes over them without trying each way to write one.
NUMBER = (
    rf"(?=[0-9.{_FIRST_LETTERS}{_HAN_SIGNS}])(?:(?:{_DIGITS})(?![.,]?\d)(?:\s?(?:thousand|million|billion|trillion)\b|\s?[千万亿萬億])?"
    rf"|\b(?:{_WORD})(?:[\s-](?:{_WORD}))*\b"
    rf"|[{_HAN_SIGNS}]+(?:点[{_HAN_SIGNS}]+)?)"
)
"""Pattern of one number."""


def literal(text: str) -> str:
    """Return the Python literal of what `NUMBER` matched."""
    head = text[0]
    if (head.isdigit() and head.isascii()) or head == ".":
        return _from_digits(text)
    return str(_from_words(text)) if head.isascii() else _from_han(text)


def _from_digits(text: str) -> str:
    match = re.match(_DIGITS, text)
    assert match, text  # noqa: S101 - the caller matched NUMBER
    scale = text[match.end() :].strip()
    number = Decimal(match.group().replace(",", ""))
    return _plain(number * (_SCALES.get(scale) or {**_HAN_SCALES, **_HAN_BLOCKS}.get(scale, 1)))


def _from_words(text: str) -> int:
    total, part = 0, 0
    for word in re.split(r"[\s-]+", text):
        scale = _SCALES.get(word)
        if scale is None:
            part += _WORDS[word]
        elif scale == 100:
            part = (part or 1) * 100
        else:
            total, part = total + (part or 1) * scale, 0
    return total + part


def _from_han(text: str) -> str:
    whole, _, fraction = text.partition("点")
    value = str(_han_whole(whole))
    return f"{value}.{''.join(str(_HAN.get(sign, 0)) for sign in fraction)}" if fraction else value


def _han_whole(text: str) -> int:
    if len(text) > 1 and all(sign in _HAN for sign in text):
        return int("".join(str(_HAN[sign]) for sign in text))
    total, block, digit = 0, 0, 0
    for sign in text:
        if sign in _HAN:
            digit = _HAN[sign]
        elif sign in _HAN_SCALES:
            block, digit = block + (digit or 1) * _HAN_SCALES[sign], 0
        else:
            # 亿 counts all before it (一万亿), 万 only what stands right before it (一亿二千万).
            carried = total if _HAN_BLOCKS[sign] > 10**4 else 0
            total += (carried + block + digit or 1) * _HAN_BLOCKS[sign] - carried
            block, digit = 0, 0
    return total + block + digit


def _plain(number: Decimal) -> str:
    if number == number.to_integral_value():
        return str(int(number))
    return format(number.normalize(), "f")
