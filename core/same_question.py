"""Tells whether two wordings ask the same thing: what may differ is politeness, case, articles and a plural's s.

Nearness in meaning cannot tell: two questions that differ in one name, one number or one "not" are as near to each
other as two wordings of one question. So every word that could carry a difference must be there in both, in order.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from twintrack.core.simplified import HAN, simplified

_IS_HAN = re.compile(rf"[{HAN}]")
_UNREADABLE = re.compile(rf"(?![{HAN}\u3000-\u303f\uff00-\uffef\u2010-\u2027])[^\x00-\u024f]")
_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: " "}
_QUOTES = str.maketrans("‘’“”´`", "''\"\"''")
_ENDS = re.compile(r"(?:[\s.?。？！…]|(?<!\d)!)+$")
_TOKEN = re.compile(
    rf"(?<![\w.])\.\w+|(?:(?<!\w)-)?\d+(?:[.,:/]\d+)*!?|[{HAN}]|[^\W{HAN}]+|'s\b|[^\w\s]", re.IGNORECASE
)
_THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,])")
_PLAIN_SIGNS = frozenset(",;:!?.\"'()[]-–—·、，。；：？！…「」『』《》〈〉【】")

_FRAME = re.compile(
    r"^(?:(?:hi|hello|hey|please|kindly|so|ok|okay|thanks)\b[\s,.!]*"
    r"|(?:can|could|would|will) (?:you|anyone|someone) (?:please |kindly )?(?:tell|show|explain to|remind) me\b[\s,:]*"
    r"|(?:do|does) (?:you|anyone) (?:happen to )?know\b[\s,:]*"
    r"|i(?:'d| would) (?:like|love) to know\b[\s,:]*|i (?:want|need) to know\b[\s,:]*|i(?: am|'m) wondering\b[\s,:]*"
    r"|i wonder\b[\s,:]*|(?:tell|show) me\b[\s,:]*|may i ask\b[\s,:]*"
    r"|请问一下|请问|请告诉我|告诉我|我想知道|我想问一下|我想问|想问一下|麻烦问一下|麻烦告诉我|你好|您好"
    r"|(?:请)?(?:你|您)?(?:能否|能不能|可以|可不可以|能)(?:请)?告诉我|(?:你|您)知道)[\s,，:：]*",
    re.IGNORECASE,
)
_ASKS_WHETHER = re.compile(r"能|可以|知道")
_TAIL = re.compile(r"[\s,，]*(?:\b(?:please|thanks|thank you|thx)|谢谢你|谢谢您|谢谢|多谢)$", re.IGNORECASE)
_FRONTED = re.compile(
    r"^((?:in|on|at|during|after|before|since|by|from|within|among|according to|as of|under) [^,?]{1,60}),\s*"
    r"((?:what|who|whom|whose|when|where|why|how|which|is|are|was|were|do|does|did|has|have|had|can)\b.*)$",
    re.IGNORECASE | re.DOTALL,
)
_SHORT_FORMS = (
    (re.compile(r"\bwon't\b", re.IGNORECASE), "will not"),
    (re.compile(r"\bcan't\b|\bcannot\b", re.IGNORECASE), "can not"),
    (re.compile(r"n't\b", re.IGNORECASE), " not"),
    (re.compile(r"'m\b", re.IGNORECASE), " am"),
    (re.compile(r"'re\b", re.IGNORECASE), " are"),
    (re.compile(r"'ve\b", re.IGNORECASE), " have"),
    (re.compile(r"'ll\b", re.IGNORECASE), " will"),
    (re.compile(r"\b(what|who|where|when|how|why|that|there|it|he|she)'s\b", re.IGNORECASE), r"\1 is"),
)
_SAME_HAN = (
    ("什么时候|什么时间|何时", "何时"),
    ("哪里|哪儿|何处|什么地方", "哪里"),
    ("什么人|何人", "谁"),
    ("怎么样|怎样|怎么", "如何"),
    ("为什么|为啥|为何", "为何"),
    ("哪一年|哪年|何年", "哪年"),
    ("啥", "什么"),
    ("的|[呢啊呀]$", ""),
    (r"^谁是([^是，,、]+)$", r"\1是谁"),
    (r"^什么是([^是，,、]+)$", r"\1是什么"),
)
_HAN_RULES = tuple((re.compile(pattern), put) for pattern, put in _SAME_HAN)
_AUXILIARIES = {
    **dict.fromkeys(("is", "are", "am"), "is"),
    **dict.fromkeys(("was", "were"), "was"),
    **dict.fromkeys(("do", "does"), "do"),
    **dict.fromkeys(("has", "have"), "has"),
    **dict.fromkeys(("can", "could"), "can"),
    **{word: word for word in ("did", "had", "will", "would", "shall", "should", "may", "might", "must")},
}
_ARTICLES = frozenset({"the", "a", "an", "exactly", "actually"})
_NO_PLURALS_LIST = (
    "news customs goods arms glasses means damages contents works spirits woods forces looks brains colors states"
)
_NO_PLURALS = frozenset(_NO_PLURALS_LIST.split())
"""Words that are not just more of what the word without its s names."""
_FUNCTION_WORDS = frozenset(
    {"us", "who", "it", "is", "am", "or", "in", "at", "as", "on", "me", "and", "no", "do", "so"}
)
"""Words that mean something else in capitals, as in US, WHO, IT."""
_GROUPS = (
    "which what, biggest largest, big large, begin start, began started, purchase buy, movie film, photo picture, "
    "quick fast, quickest fastest, tv television, phone telephone, whom who, "
    "one 1, two 2, three 3, four 4, five 5, six 6, seven 7, eight 8, nine 9, ten 10, eleven 11, twelve 12"
)
_SAME_WORD: Mapping[str, str] = {word: group.split()[-1] for group in _GROUPS.split(", ") for word in group.split()}


@dataclass(frozen=True, slots=True)
class Wording:
    """One question, taken apart."""

    exact: str
    """The text without what no reader would call a difference: case, width, spaces, the sign at its end."""
    readable: bool
    """Whether it is in a script whose meaning can be compared."""
    tokens: tuple[str, ...]
    """The words that must agree, in order."""
    names: frozenset[int]
    """Places of the tokens that are names or numbers: their endings must agree too."""
    auxiliaries: tuple[str, ...]


def same_question(one: str, other: str) -> bool:
    """Tell whether both ask the same; in doubt they do not."""
    first, second = wording(one), wording(other)
    if first.exact == second.exact:
        return True
    return (
        first.readable
        and second.readable
        and first.auxiliaries == second.auxiliaries
        and len(first.tokens) == len(second.tokens)
        and all(_agree(first, second, place) for place in range(len(first.tokens)))
    )


@lru_cache(maxsize=1024)
def wording(text: str) -> Wording:
    """Take a question apart."""
    tidy = _tidy(text)
    bare = _bare(tidy)
    words = [(number, token, _lower(token, bare)) for number, token in enumerate(_TOKEN.findall(bare))]
    kept = [(number, token, low) for number, token, low in words if _carries(number, token, low)]
    spoken = [(number, token, low) for number, token, low in kept if low not in _AUXILIARIES]
    return Wording(
        exact=_exact(tidy),
        readable=not _UNREADABLE.search(text),
        tokens=tuple(_SAME_WORD.get(low, low) for _, _, low in spoken),
        names=frozenset(place for place, (number, token, _) in enumerate(spoken) if number and token[0].isupper()),
        auxiliaries=tuple(sorted(_AUXILIARIES[low] for _, _, low in kept if low in _AUXILIARIES)),
    )


def _carries(number: int, token: str, low: str) -> bool:
    """Tell whether a token could make a difference; a capital A is a name, unless it begins the question."""
    is_article = low in _ARTICLES and (number == 0 or token.islower())
    return not is_article and token not in _PLAIN_SIGNS


def _agree(first: Wording, second: Wording, place: int) -> bool:
    one, other = sorted((first.tokens[place], second.tokens[place]), key=len)
    if one == other:
        return True
    is_plural = len(one) > 2 and one.isalpha() and one.isascii() and other in (f"{one}s", f"{one}es")
    return is_plural and other not in _NO_PLURALS and place not in first.names | second.names


def _tidy(text: str) -> str:
    narrow = unicodedata.normalize("NFC", text).translate(_WIDE).translate(_QUOTES)
    return " ".join(narrow.split())


def _exact(tidy: str) -> str:
    kept = _ENDS.sub("", tidy) or tidy
    return " ".join(_lower(word, kept) for word in kept.split(" "))


def _bare(tidy: str) -> str:
    """Return the question without politeness, written out, with a phrase in front moved to its end."""
    text = _unframed(_ENDS.sub("", simplified(tidy)))
    text = _written_out(text)
    if moved := _FRONTED.match(text):
        text = f"{moved[2]} {moved[1]}"
    if _IS_HAN.search(text):
        for pattern, put in _HAN_RULES:
            text = pattern.sub(put, text)
    return _THOUSANDS.sub(lambda number: number[0].replace(",", ""), text)


def _unframed(text: str) -> str:
    while frame := _FRAME.match(text):
        rest = text[frame.end() :]
        if not rest:
            break
        text = rest.removesuffix("吗") if _ASKS_WHETHER.search(frame[0]) else rest
    return _ENDS.sub("", _TAIL.sub("", text)) or text


def _written_out(text: str) -> str:
    if "'" not in text and "annot" not in text.lower():
        return text
    for pattern, put in _SHORT_FORMS:
        text = pattern.sub(put, text)
    return text


def _lower(word: str, around: str) -> str:
    """Return the word in lower case, unless capitals make it another word."""
    low = word.lower()
    is_short_name = word.isupper() and _ENDS.sub("", low).strip("\"',;:()") in _FUNCTION_WORDS
    return word if is_short_name and not around.isupper() else low
