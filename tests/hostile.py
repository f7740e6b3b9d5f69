"""Questions that are made to break a parser, an encoder or a terminal."""

import random
import unicodedata
from collections.abc import Callable, Sequence
from typing import Literal

_OPERATORS = (
    "@tenant:{*} @words:( @wall:{a|b} =>{$weight:9} @start:[(1 $v %%x%% %%%x%%% -* ~x w'*' (a|b) a* *a "
    "* | - ( ) [ ] { } < > : ; = @ $ % ~ ! ? # & ^ + , ` ' \" \\ \\\\ ismissing(@words) NOT OR AND"
)
OPERATORS = (
    *_OPERATORS.split(),
    *("=>[KNN 9 @vector $v]", "@vector:[VECTOR_RANGE 9 $v]", "@start:[-inf +inf]", '"a b"~1', "LIMIT 0 1000000"),
)
SIGNS = (
    *("\x00", "\x07", "\x1b[31m", "\x1b]0;t\x07", "\x7f", "\x85", "\r\n", "\v\f", "\t" * 50, "\u2028"),
    *("\u202e", "\u2066", "\u2069", "\u200f", "\u061c", "\u200b", "\u200d", "\ufeff", "\ufffe", "\U0010ffff"),
    *("\ud800", "\udfff", "\udc80", "\ud83d", "\ufdd0", "\ue000", "e\u0301", "a" + "\u0301" * 200, "\u0345"),
)
_WORDS = (
    "will there a the cat fee 9 1e309 -0 NaN null ../../etc ${x} {{7*7}} 广茂铁路 中 한국어 かな Ελλ עברית العربية हिन्दी ไทย "
    "𝒽𝑒𝓁𝓁𝑜 𠜎 ﬁ İ ß ﷺ ǅ ẛ̣ 😀 👩‍👩‍👧‍👦 🇨🇳 👍🏽 1️⃣ 🏴󠁧󠁢󠁥󠁮󠁧󠁿 ١٢٣ ½ Ⅷ ①"
)
WORDS = (*_WORDS.split(), "a" * 99, "中" * 99)
PIECES = (*OPERATORS, *SIGNS, *WORDS)
FORMS: Sequence[Literal["NFC", "NFD", "NFKC", "NFKD"]] = ("NFC", "NFD", "NFKC", "NFKD")
LONG_CHARS = 100_000
Maker = Callable[[random.Random], str]


def pieces(dice: random.Random) -> str:
    """Return some pieces, with or without something between them."""
    return dice.choice(["", " ", "|", "\u200f"]).join(dice.choices(PIECES, k=dice.randrange(12)))


def code_points(dice: random.Random) -> str:
    """Return any code points at all, of one plane or of all."""
    top = dice.choice([0x80, 0x100, 0x3000, 0x10000, 0x110000])
    return "".join(chr(dice.randrange(top)) for _ in range(dice.randrange(40)))


def operators_around_words(dice: random.Random) -> str:
    """Return a question each of whose words stands in query syntax."""
    return " ".join(f"{dice.choice(OPERATORS)}{word}{dice.choice(OPERATORS)}" for word in dice.choices(WORDS[:8], k=6))


def normal_form(dice: random.Random) -> str:
    """Return words of many scripts in one of Unicode's normal forms."""
    return unicodedata.normalize(dice.choice(FORMS), " ".join(dice.choices(WORDS, k=8)))


def distinct_words(dice: random.Random) -> str:
    """Return a thousand words of which no two are the same."""
    start = dice.randrange(10**6)
    return " ".join(f"w{start + number}" for number in range(1000))


def long_token(dice: random.Random) -> str:
    """Return one word of thousands of letters."""
    return dice.choice(["a", "é", "中", "\u0301", "😀", "9", "İ"]) * dice.randrange(1000, 20_000)


def long_question(dice: random.Random) -> str:
    """Return a hundred thousand signs."""
    return repeated(dice.choice(PIECES) + dice.choice(["", " ", "\n"]))


def repeated(piece: str) -> str:
    """Return a piece said over and over for a hundred thousand signs."""
    return (piece * (LONG_CHARS // len(piece) + 1))[:LONG_CHARS]


_MAKERS: dict[Maker, float] = {
    pieces: 0.4,
    code_points: 0.3,
    operators_around_words: 0.15,
    normal_form: 0.138,
    distinct_words: 0.004,
    long_token: 0.004,
    long_question: 0.004,
}


def hostile(dice: random.Random) -> str:
    """Return a question of any of these kinds."""
    [make] = dice.choices(list(_MAKERS), weights=list(_MAKERS.values()))
    return make(dice)
