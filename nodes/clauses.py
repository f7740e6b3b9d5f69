"""Cuts a question into the parts that can be asked by themselves, English or Chinese."""

import re
from collections.abc import Iterable

from twintrack.core.simplified import simplified
from twintrack.core.tokens import sentences, words
from twintrack.nodes.arithmetic import expression_in

MAX_CHARS = 4_000
"""A longer text is one part from there on: nobody asks that much one by one."""
VERBS = (
    "find|calculate|compute|compare|explain|tell|give|describe|summari[sz]e|multiply|divide|add|subtract|convert"
    "|determine|identify|look\\s+up|search\\s+for|translate|work\\s+out|estimate|evaluate|recommend|suggest|order|book|send"
)
NOUN_LIKE_VERBS = "list|name|show|check|note|double|square|round|take|buy|watch|print|play|set|organi[sz]e"
ASKING = "what|whats|who|whom|whose|when|where|why|how|which"
AUXILIARY = "is|are|was|were|do|does|did|can|could|should|will|would|has|have|may|must"
HAN_ASKING = "谁|什么|哪|多少|几[个年天次时岁人月]|怎|如何|为何|是否|吗|何时|何地|多[大长高久远重]"
HAN_VERBS = "计算|算|求|列出|说明|解释|比较|对比|介绍|总结|查|找|告诉|给出|指出|分析|描述|乘|除|减|加上|翻译"

_ENGLISH_CUTS = (
    r"[,;]?\s*\b(?:and\s+)?(?:then|after\s+that|afterwards|finally|next|additionally|furthermore|moreover),?\s+(?=\w)",
    r"[,;]?\s*\band\s+also\s+|[,;]\s*also,?\s+",
    rf"[,;]?\s*\b(?:and|but|or)\s+(?=(?:in\s+|at\s+|to\s+|for\s+)?(?:{ASKING})\b)",
    rf"[,;]?\s*\band\s+(?=(?:{AUXILIARY})\s+(?:it|he|she|they|there|the|this|that|its|i|we|you)\b)",
    rf"[,;]?\s*\band\s+(?=(?:please\s+)?(?:{VERBS})\b)",
    rf"[,;]?\s*\band\s+(?=(?:please\s+)?(?:{NOUN_LIKE_VERBS})\s+(?:the|a|an|its|his|her|their|my|all|each|me|it|that)\b)",
    rf",\s*(?=(?:what|how|why|when)\s+(?:{AUXILIARY}|many|much|long|old|far|often|big|tall)\b)",
    rf",\s*(?=(?:please\s+)?(?:{VERBS})\b)",
    r";\s*(?=\S)",
)
_HAN_CUTS = (
    r"[，,；;]?\s*(?:并且|而且|另外|此外|然后|接着|随后|接下来|最后|同时|还有|之后再)[，,]?\s*",
    rf"[，,]?\s*(?:以及|并|再|和)(?=(?:请)?(?:{HAN_VERBS}))",
    rf"[，,]\s*(?=[^，,]{{0,40}}(?:{HAN_ASKING}))",
    rf"[，,]\s*(?=(?:请)?(?:{HAN_VERBS}))",
    rf"[，,]?\s*(?:以及|和)(?=[^，,、]{{0,40}}(?:{HAN_ASKING}))",
    r"；\s*",
)
_CUT = re.compile("|".join(f"(?:{pattern})" for pattern in (*_ENGLISH_CUTS, *_HAN_CUTS)), re.IGNORECASE)
_ITEM = re.compile(r"(?:^|(?<=\s)|(?<=[：:；;。.？?]))(?:\(?\d{1,2}[.)、）]|[①-⑳]|[-*•])\s*(?=\D)", re.MULTILINE)
_PROTECTED = re.compile(r"\"[^\"]*\"|“[^”]*”|《[^》]*》|「[^」]*」|'[^'\n]*'(?!\w)|\([^()]*\)|（[^（）]*）|\[[^\]]*\]")
_ASKS = re.compile(
    rf"[?？]|\b(?:{ASKING})\b|{HAN_ASKING}|^\W*(?:please\s+|first,?\s+|can\s+you\s+|could\s+you\s+)?"
    rf"(?:{VERBS}|{NOUN_LIKE_VERBS}|{AUXILIARY})\b|(?:{HAN_VERBS})|\b(?:i\s+(?:need|want|would\s+like)|i'd\s+like)\b",
    re.IGNORECASE,
)
EMPTY_WORDS = frozenset(
    [
        "the",
        "a",
        "an",
        "of",
        "in",
        "on",
        "at",
        "to",
        "for",
        "by",
        "with",
        "from",
        "is",
        "are",
        "was",
        "were",
        "be",
        "been",
        "do",
        "does",
        "did",
        "has",
        "have",
        "had",
        "it",
        "its",
        "they",
        "them",
        "their",
        "and",
        "or",
        "but",
        "then",
        "also",
        "that",
        "this",
        "those",
        "these",
        "what",
        "who",
        "whom",
        "whose",
        "when",
        "where",
        "why",
        "how",
        "which",
        "much",
        "many",
        "i",
        "me",
        "my",
        "you",
        "your",
        "please",
        "first",
        "next",
        "finally",
        "的",
        "了",
        "是",
        "在",
        "和",
        "与",
        "吗",
        "呢",
        "请",
        "我",
        "你",
        "它",
        "他",
        "她",
        "们",
    ]
)


def asks(text: str) -> bool:
    """Tell whether `text` asks or orders something, rather than tells it."""
    return _ASKS.search(simplified(text)) is not None or expression_in(text) is not None


def weight(text: str) -> int:
    """Count the words of `text` that carry meaning; a Chinese character counts as one."""
    return sum(1 for word in words(text) if word not in EMPTY_WORDS and (word.isascii() or len(word) == 1))


def clauses(text: str) -> list[str]:
    """Return the parts of `text` that ask something, in order, no meaning word lost.

    What is told between questions goes to the question after it; a part too short to stand alone stays with
    the part before it.
    """
    head, rest = text[:MAX_CHARS], text[MAX_CHARS:]
    pieces = [piece for item in _items(head) for sentence in sentences(item) for piece in _cut(sentence.text)]
    found = _with_context(_long_enough(pieces))
    if not rest.strip():
        return found
    gap = " " if head[-1].isspace() else ""
    return [*found[:-1], f"{found[-1]}{gap}{rest}"] if found else [rest.strip()]


def _items(text: str) -> list[str]:
    starts = [match.start() for match in _ITEM.finditer(text)]
    if len(starts) < 2:
        return [text]
    ends = [*starts[1:], len(text)]
    items = [_ITEM.sub("", text[start:end], count=1) for start, end in zip(starts, ends, strict=True)]
    return [item.strip() for item in [text[: starts[0]], *items] if item.strip()]


def _cut(sentence: str) -> list[str]:
    protected = [match.span() for match in _PROTECTED.finditer(sentence)]
    pieces, start = [], 0
    for match in _CUT.finditer(simplified(sentence)):
        inside = any(first <= match.start() < last for first, last in protected)
        if inside or not (asks(sentence[start : match.start()]) and asks(sentence[match.end() :])):
            continue
        pieces.append(sentence[start : match.start()])
        start = match.end()
    return [piece.strip(" ,，;；") for piece in [*pieces, sentence[start:]] if piece.strip(" ,，;；")]


def _long_enough(pieces: Iterable[str]) -> list[str]:
    kept: list[str] = []
    for piece in pieces:
        if kept and weight(piece) < 1:
            kept[-1] = f"{kept[-1]} {piece}"
        else:
            kept.append(piece)
    return kept


def _with_context(pieces: Iterable[str]) -> list[str]:
    kept: list[str] = []
    told: list[str] = []
    for piece in pieces:
        if asks(piece):
            kept.append(" ".join([*told, piece]))
            told = []
        else:
            told.append(piece)
    if told:
        kept[-1:] = [" ".join([*kept[-1:], *told])]
    return kept
