"""Makes pairs of questions to judge the answer cache on: near misses, and the same question in other words."""

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from twintrack.core.same_question import wording
from twintrack.core.tokens import is_chinese


@dataclass(frozen=True, slots=True)
class Pair:
    """Two questions, and whether the answer to one answers the other."""

    one: str
    other: str
    same: bool
    kind: str

    @property
    def language(self) -> str:
        """Return the language of the first question."""
        return "zh" if is_chinese(self.one) else "en"


_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_NAME = re.compile(r"(?<=[a-z,] )[A-Z][\w'-]*(?: (?:of |the )?[A-Z][\w'-]*)*")
_TITLE = re.compile(r"《[^》]+》|“[^”]+”")
_OWNER = re.compile(r"^[^的，,？?]{2,8}(?=的)")
_OPPOSITES_LIST = (
    "first last, largest smallest, biggest smallest, highest lowest, longest shortest, most least, more less, before after, "
    "above below, north south, northern southern, east west, eastern western, increase decrease, old new, oldest newest, "
    "with without, to from, male female, begin end, start stop, win lose, won lost, buy sell, import export, best worst, "
    "最大 最小, 最高 最低, 最早 最晚, 最多 最少, 最长 最短, 第一 最后, 增加 减少, 上升 下降, 之前 之后, 出生 去世, "
    "支持 反对, 父亲 母亲, 儿子 女儿, 成功 失败, 开始 结束, 北 南, 东 西, 男 女, 前 后, 上 下"
)
_OPPOSITES = {
    word: other for pair in _OPPOSITES_LIST.split(", ") for word, other in (pair.split(), reversed(pair.split()))
}
_ASKED = (
    ("who", "when"), ("when", "where"), ("where", "who"), ("how many", "which"), ("what", "why"), ("why", "how"),
    ("谁", "哪里"), ("什么时候", "哪里"), ("何时", "何地"), ("哪一年", "哪个地方"), ("哪里", "何时"), ("多少", "哪些"), ("为什么", "何时"),
)  # fmt: skip
_AUXILIARY = re.compile(r"\b(is|are|was|were|did|does|do|can|could|will|would|has|have|had)\b(?! not)", re.IGNORECASE)
_HAN_VERB = re.compile(r"(?<!不)(是|有|能|会|在|可以|属于|参加|支持|使用)")


def swapped(question: str, names: Sequence[str], chance: random.Random) -> Iterator[Pair]:
    """Yield near misses made by rule: one number, name, opposite, negation, question word or order changed."""
    makers: dict[str, Callable[[], str]] = {
        "number": lambda: _NUMBER.sub(lambda found: _other_number(found[0], chance), question, count=1),
        "name": lambda: _other_name(question, names, chance),
        "opposite": lambda: _opposite(question),
        "negation": lambda: _negated(question),
        "question word": lambda: _other_asked(question),
        "order": lambda: _turned(question),
    }
    for kind, make in makers.items():
        other = make()
        if wording(other).exact != wording(question).exact:
            yield Pair(question, other, same=False, kind=kind)


def names_in(question: str) -> list[str]:
    """Return the names and titles of a question that another's may stand in for."""
    owner = _OWNER.search(question)
    return [
        *_NAME.findall(question),
        *_TITLE.findall(question),
        *([owner[0]] if owner and is_chinese(question) else []),
    ]


def reworded(question: str) -> Iterator[Pair]:
    """Yield the question in other words, by rules that do not ask what the cache can see through."""
    makers = _HAN_REWORDINGS if is_chinese(question) else _REWORDINGS
    for kind, make in makers.items():
        other = make(question)
        if other and other != question:
            yield Pair(question, other, same=True, kind=kind)


def _other_number(number: str, chance: random.Random) -> str:
    if "." in number:
        return number.replace(".", "") if chance.random() < 0.5 else f"{float(number) + 1:g}"
    return str(int(number) + chance.choice((1, 2, 10)))


def _other_name(question: str, names: Sequence[str], chance: random.Random) -> str:
    own = names_in(question)
    if not own:
        return question
    old = chance.choice(own)
    fitting = [name for name in names if _is_title(name) == _is_title(old) and name not in question]
    return question.replace(old, chance.choice(fitting), 1) if fitting else question


def _is_title(name: str) -> bool:
    return name[0] in "《“"


def _opposite(question: str) -> str:
    if is_chinese(question):
        found = next((word for word in _OPPOSITES if not word.isascii() and word in question), "")
        return question.replace(found, _OPPOSITES[found], 1) if found else question
    return re.sub(r"[A-Za-z]+", _Once(_OPPOSITES), question)


def _negated(question: str) -> str:
    if is_chinese(question):
        return _HAN_VERB.sub(r"不\1", question, count=1)
    return _AUXILIARY.sub(lambda found: f"{found[0]} not", question, count=1)


def _other_asked(question: str) -> str:
    for asked, other in _ASKED:
        pattern = re.compile(rf"\b{asked}\b" if asked.isascii() else asked, re.IGNORECASE)
        if pattern.search(question):
            return pattern.sub(other, question, count=1)
    return question


def _turned(question: str) -> str:
    found = list(dict.fromkeys(names_in(question)))
    if len(found) < 2 or found[0] in found[1] or found[1] in found[0]:
        return question
    return question.replace(found[0], "\0").replace(found[1], found[0]).replace("\0", found[1])


class _Once:
    """Replaces the first word that has another, and none after it."""

    def __init__(self, others: dict[str, str]) -> None:
        self._others = others
        self._done = False

    def __call__(self, found: re.Match[str]) -> str:
        other = self._others.get(found[0].lower())
        if self._done or other is None:
            return found[0]
        self._done = True
        return other


_COPULA = re.compile(r"^(what|who|where|when|how \w+) (is|are|was|were) ([^?]+)\?$", re.IGNORECASE)
_IN_YEAR = re.compile(
    r"^((?:what|who|where|how|which)\b[^,?]+?) ((?:in|during|after|before|since) [^,?]*\d{4}s?)\?$", re.IGNORECASE
)
_HEIGHT = re.compile(r"^how (tall|high|old|long|deep) (?:is|was) ([^?]+)\?$", re.IGNORECASE)
_HEIGHTS = {"tall": "height", "high": "height", "old": "age", "long": "length", "deep": "depth"}
_OF = re.compile(r"\bthe (\w+) of ([A-Z]\w+)(?=[ ?])")
_SYNONYMS = {
    "biggest": "largest", "large": "big", "movie": "film", "start": "begin", "began": "started", "buy": "purchase",
    "quickly": "rapidly", "many": "numerous", "city": "town", "created": "made", "important": "significant", "called": "named",
    "kind": "type", "type": "kind", "main": "principal", "big": "large", "people": "persons", "used": "utilised", "which": "what",
}  # fmt: skip
_REWORDINGS: dict[str, Callable[[str], str]] = {
    "politeness": lambda question: f"Please tell me: {question}",
    "courtesy": lambda question: f"Hello, could you tell me {question[0].lower()}{question[1:]} Thanks!",
    "typing": lambda question: (
        question.lower().rstrip("?") if not any(map(str.isupper, question[1:])) else question.rstrip("?")
    ),
    "capitals": lambda question: question.upper(),
    "short form": lambda question: re.sub(r"^(what|who|where) is\b", r"\1's", question, flags=re.IGNORECASE),
    "indirect": lambda question: _COPULA.sub(
        lambda found: f"Do you know {found[1].lower()} {found[3]} {found[2]}?", question
    ),
    "year in front": lambda question: _IN_YEAR.sub(
        lambda found: f"{found[2][0].upper()}{found[2][1:]}, {found[1][0].lower()}{found[1][1:]}?", question
    ),
    "synonym": lambda question: re.sub(r"[A-Za-z]+", _Once(_SYNONYMS), question),
    "possessive": lambda question: _OF.sub(r"\2's \1", question, count=1),
    "noun for adjective": lambda question: _HEIGHT.sub(
        lambda found: f"What is the {_HEIGHTS[found[1].lower()]} of {found[2]}?", question
    ),
}
_HAN_SYNONYMS = (
    ("什么时候", "何时"), ("哪里", "什么地方"), ("谁", "什么人"), ("为什么", "为何"), ("怎么", "如何"), ("多少", "几"), ("建立", "创建"), ("位于", "在"), ("哪些", "什么"),
)  # fmt: skip
_HAN_REWORDINGS: dict[str, Callable[[str], str]] = {
    "politeness": lambda question: f"请问{question}",
    "courtesy": lambda question: f"你好，请告诉我{question.rstrip('？?')}，谢谢",
    "typing": lambda question: question.rstrip("？?"),
    "indirect": lambda question: f"你知道{question.rstrip('？?')}吗？",
    "particle": lambda question: f"{question.rstrip('？?')}呢？",
    "possessive": lambda question: question.replace("的", "", 1),
    "synonym": lambda question: _han_synonym(question),
    "turned": lambda question: re.sub(r"^([^，,是]+)是谁[？?]$", r"谁是\1？", question),
}


def _han_synonym(question: str) -> str:
    found = next(((word, other) for word, other in _HAN_SYNONYMS if word in question), None)
    return question.replace(*found, 1) if found else question
