"""The words and signs of a calculation, picked out of ordinary English or Chinese text."""

import re
import unicodedata
from dataclasses import dataclass

from twintrack.core.simplified import simplified
from twintrack.nodes.numerals import NUMBER, literal


@dataclass(frozen=True, slots=True)
class Token:
    """One word or sign of a calculation."""

    kind: str
    text: str
    start: int
    end: int
    weak: bool = False
    """Whether the sign often means something else between two numbers: a date, a range, a ratio."""


_GLUED = r"(?<![A-Za-z_0-9.])"
_NOT_NUMBERS = re.compile(
    r"https?://\S+|\b\d{4}-\d{1,2}-\d{1,2}\b|\b\d{1,2}/\d{1,2}/\d{2,4}\b|\b\d{3,4}-\d{3,4}-\d{4}\b"
    r"|\b\d+(?:\.\d+){2,}\b|(?<![\d/])(?:9/11|24/7|50/50|7/7)(?![\d/])|\b\w*[A-Za-z_]\w*-\d+\b"
)
_PATTERNS = (
    ("sum", r"\b(?:the\s+)?(?:sum|total)\s+of\b"),
    ("product", r"\b(?:the\s+)?product\s+of\b"),
    ("mean", r"\b(?:the\s+)?(?:average|mean)\s+of\b"),
    ("difference", r"\b(?:the\s+)?difference\s+(?:between|of)\b"),
    ("sqrt", r"\b(?:the\s+)?square\s+root\s+of\b|\bsqrt\b|√|根号"),
    ("cbrt", r"\b(?:the\s+)?cube\s+root\s+of\b|∛"),
    ("squared", r"\bsquared\b|²|的平方(?!根)"),
    ("cubed", r"\bcubed\b|³|的(?:立方|三次方)(?!根)"),
    ("rooted", r"的(?:算术)?平方根"),
    ("cube-rooted", r"的立方根"),
    ("raised", rf"的\s*(?P<exponent>{NUMBER})\s*次[方幂]"),
    ("fraction", rf"(?P<below>{NUMBER})\s*分之\s*(?P<above>{NUMBER})"),
    ("power", r"\*\*|\^|\b(?:raised\s+)?to\s+the\s+power\s+(?:of\b)?|\braised\s+to\b"),
    ("list-sum", r"(?:的总和|之和|的和|相加)"),
    ("list-product", r"(?:的乘积|之积|的积|相乘)"),
    ("list-mean", r"的平均(?:数|值)"),
    ("list-difference", r"(?:之差|的差)(?!别|异|距)"),
    ("percent", r"%|\bper\s?cent\b"),
    ("number", rf"{_GLUED}{NUMBER}(?=[xX]\s*\d)|{_GLUED}{NUMBER}(?![A-Za-z_])"),
    ("plus", r"\+|\bplus\b|\badded\s+to\b|加上?"),
    ("minus", r"-|\bminus\b|减去?"),
    ("times", r"\*|×|·|\btimes\b|\bmultiplied\s+by\b|乘以|乘上|乘|[xX]"),
    ("over", r"/|÷|\bdivided\s+by\b|除以"),
    ("modulo", r"\bmod(?:ulo)?\b"),
    ("off", r"\boff\b"),
    ("of", r"\bof\b|的"),
    ("open", r"\("),
    ("close", r"\)"),
    ("comma", r",|、|\band\b|和|与|;"),
)
_TOKEN = re.compile("|".join(f"(?P<{kind.replace('-', '_')}>{pattern})" for kind, pattern in _PATTERNS), re.IGNORECASE)
_ORDERS = (
    (rf"\badd\s+(?P<a>{NUMBER})\s+(?:and|to)\s+(?P<b>{NUMBER})", r"\g<a> plus \g<b>"),
    (rf"\bsubtract\s+(?P<a>{NUMBER})\s+from\s+(?P<b>{NUMBER})", r"\g<b> minus \g<a>"),
    (rf"\bmultiply\s+(?P<a>{NUMBER})\s+(?:by|and|with)\s+(?P<b>{NUMBER})", r"\g<a> times \g<b>"),
    (rf"\bdivide\s+(?P<a>{NUMBER})\s+by\s+(?P<b>{NUMBER})", r"\g<a> divided by \g<b>"),
    (rf"\bincrease\s+(?P<a>{NUMBER})\s+by\s+(?P<b>{NUMBER})\s?%", r"\g<a> plus \g<b>% of \g<a>"),
    (rf"\b(?:decrease|reduce)\s+(?P<a>{NUMBER})\s+by\s+(?P<b>{NUMBER})\s?%", r"\g<a> minus \g<b>% of \g<a>"),
)
"""Orders that name the numbers before what to do with them, and the plain form of each."""
_WEAK = frozenset("-/xX·")
_NUMBER = re.compile(NUMBER)
_TYPED = str.maketrans("−–—⁄∕", "---//")
_SKIPPED = re.compile(r"[\s$€£¥￥]*")


def normalised(text: str) -> str:
    """Return `text` in lower case and simplified signs, with full-width and typographic signs, and orders, made plain."""
    folded = text if text.isascii() else "".join(map(_folded, text))
    plain = simplified(folded).lower().translate(_TYPED)
    if holds_number(plain):
        for order, form in _ORDERS:
            plain = re.sub(order, form, plain)
    return plain


def holds_number(plain: str) -> bool:
    """Tell whether normalised text holds a number, without which there is no calculation."""
    return _NUMBER.search(plain) is not None


def _folded(sign: str) -> str:
    return sign if sign in "²³" else unicodedata.normalize("NFKC", sign)


def runs(text: str) -> list[list[Token]]:
    """Return the unbroken runs of calculation words in normalised `text`."""
    found: list[list[Token]] = []
    position = 0
    masked = _NOT_NUMBERS.sub(lambda match: "_" * len(match.group()), text)
    for match in _TOKEN.finditer(masked):
        gap = masked[position : match.start()]
        if not found or _SKIPPED.fullmatch(gap) is None:
            found.append([])
        found[-1].append(_token(match))
        position = match.end()
    return found


def _token(match: re.Match[str]) -> Token:
    kind = (match.lastgroup or "").replace("_", "-")
    named = {name: value for name, value in match.groupdict().items() if value is not None}
    if "exponent" in named:
        return Token("raised", literal(named["exponent"]), match.start(), match.end())
    if "below" in named:
        text = f"({literal(named['above'])} / {literal(named['below'])})"
        return Token("fraction", text, match.start(), match.end())
    text = literal(match.group()) if kind == "number" else match.group()
    return Token(kind, text, match.start(), match.end(), weak=match.group() in _WEAK)
