"""Surface signs of how much work a question asks for, the same kind in English and Chinese."""

import math
import re
from collections.abc import Callable

from twintrack.core.simplified import simplified
from twintrack.nodes.clauses import AUXILIARY, HAN_VERBS, NOUN_LIKE_VERBS, VERBS, clauses
from twintrack.nodes.comparisons import sides

MAX_CHARS = 1_000
_WORD = re.compile(r"[A-Za-z0-9_'’]+")
_HAN = re.compile(r"[㐀-鿿]")


def _count(pattern: str, flags: re.RegexFlag = re.IGNORECASE) -> Callable[[str], float]:
    compiled = re.compile(pattern, flags)
    return lambda text: math.log1p(len(compiled.findall(text)))


def _present(pattern: str) -> Callable[[str], float]:
    compiled = re.compile(pattern, re.IGNORECASE)
    return lambda text: float(compiled.search(text) is not None)


def _length(text: str) -> float:
    # About 1.6 Chinese characters say what one English word says.
    return math.log1p(len(_WORD.findall(text)) + len(_HAN.findall(text)) / 1.6)


def parts(text: str) -> int:
    """Count what is asked for separately: clauses, and sides of comparisons."""
    return sum(len(sides(clause)) for clause in clauses(text[:MAX_CHARS]))


CUES: dict[str, Callable[[str], float]] = {
    "length": _length,
    "parts": lambda text: float(parts(text) > 1),
    "questions": _count(r"[?？]"),
    "commas": _count(r"[,，;；、]"),
    "and": _count(r"\band\b|以及|并且|而且|和|与|及|跟|、"),
    "or": _count(r"\bor\b|还是|或者?"),
    "order": _count(r"\b(?:then|after|before|first|next|finally|followed|once|later)\b|然后|接着|之后|首先|最后|再"),
    "each": _count(r"\b(?:each|both|all|every|respectively|total|altogether|list)\b|分别|各自|各是|所有|一共|总共|都"),
    "comparison": _count(
        r"\b(?:compare|difference|differ|than|versus|vs|same|similar|share|common|\w+er|most|more|less|\w+est)\b"
        r"|比较|区别|差别|异同|不同|相比|更|最|哪个"
    ),
    "relatives": _count(r"(?<=\w\s)(?:that|which|who|whom|whose|where|when|while)\b|的(?=[^的]*的)"),
    "of": _count(r"\bof\b"),
    "by, in, from, with": _count(r"\b(?:in|by|from|with|for|on|to|at|as|during|between)\b"),
    "possessives": _count(r"['’]s\b|\b(?:his|her|its|their)\b"),
    "names": _count(r"(?<=[a-z,]\s)[A-Z][\w.’'-]*(?:\s[A-Z][\w.’'-]*)*", re.NOFLAG),
    "quotes": _count(r"[\"“《「]|'\w"),
    "orders": _count(rf"\b(?:{VERBS}|{NOUN_LIKE_VERBS}|need|want|would like|please)\b|(?:{HAN_VERBS}|请|帮)"),
    # Whether something holds is often to be inferred; whether there is something, or I may, is looked up.
    "judgement": _present(rf"^\W*(?:{AUXILIARY})\s+(?!there|i|we|you|it|this|these|my|our|your)\b"),
    "supposition": _present(r"\b(?:could|would|should|might|if|possible|likely)\b|如果|假如|可能"),
    "why or how": _present(r"\b(?:why|how (?!many|much|long|old|far|big|tall|often))|为什么|为何|如何|怎样"),
    "named by role": _count(r"\b(?:the|this|these)\s+(?:\w+\s){0,3}\w+\s+(?:who|that|which|where|whose|of)\b"),
    "numbers": _count(r"\d+(?:[.,]\d+)*"),
}


def cues(question: str) -> list[float]:
    """Return the value of every cue, in the order of `CUES`."""
    text = simplified(question[:MAX_CHARS])
    return [cue(text) for cue in CUES.values()]
