"""Finds the lasting facts in what a user says of themselves, by rules, in English and Chinese."""

import re
from dataclasses import dataclass

from twintrack.core.simplified import cut, simplified
from twintrack.core.tokens import sentences, words

MAX_CHARS = 300
"""A longer sentence is a document, not a statement about oneself."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One fact as the user put it."""

    text: str
    topic: str
    """What it is about; a newer statement on the same topic replaces it. Empty: only a near duplicate does."""


_I = r"\bi\b"
_ADVERB = (
    r"(?:\s+(?:really|also|always|usually|generally|actually|still|now|currently|just|strongly|much|particularly))*"
)
_NOT = r"(?:\s+(?:do\s*n[o']t|don't|no\s+longer|never|cannot|can't|can\s+not))?"
_SINGLE = (
    (
        r"\b(?:my name is|my name's|call me(?! (?:an?|at|back|when|if|on|in|tomorrow|today|later|now|asap|the)\b)|i am called|i'm called)\b",
        "name",
    ),
    (
        r"\bi(?:\s+now|\s+currently)?\s+live\b|\bi(?:'ve| have| just)?\s+moved to\b|\bi(?:'m| am) (?:based|living) in\b",
        "home",
    ),
    (r"\bi(?:'m| am) from\b|\bi was born in\b", "origin"),
    (r"\bi(?:\s+now|\s+currently)?\s+work\s+(?:as|at|for|in)\b|\bi(?:'m| am) (?:working|employed)\b", "work"),
    (r"\bi(?:'m| am) \d{1,3}(?: years old)?\b(?!\s*(?:%|minutes|hours|km|miles))", "age"),
    (r"\bi(?:'m| am)(?: not| no longer)?(?: an?)? (?:vegan|vegetarian|pescatarian|omnivore)\b", "diet"),
    (r"我叫|我的名字[是叫]|(?:叫|称呼)我", "name"),
    (r"我(?:现在|目前)?(?:住在?|居住|定居|搬到|搬去)", "home"),
    (r"我来自|我(?:出生|生)[于在]|我是.{1,8}人(?!员)$", "origin"),
    (r"我(?:现在|目前)?(?:在.{1,20}(?:工作|上班)|从事|就职)|我的(?:工作|职业)是", "work"),
    (r"我(?:今年)?\d{1,3}岁", "age"),
    (r"我(?:是|吃)(?:纯)?(?:素食|素)", "diet"),
)
_MINE = (
    r"(?:(?:wife|husband|partner|son|daughter|mother|father|mum|mom|dad|brother|sister|child|children|dog|cat|pet)(?:'s [a-z]+)?"
    r"|(?:favou?rite|preferred|home|native|first|email|e-mail|postal|work|phone|dietary)\s[a-z' ]{2,30}?"
    r"|birthday|email|e-mail|phone|job|profession|hobby|hobbies|hometown|address|time ?zone|language|diet|pronouns|employer|company|team|goal)"
)
_MINE_ZH = (
    r"(?:妻子|丈夫|太太|先生|老婆|老公|爱人|儿子|女儿|孩子|母亲|父亲|妈妈|爸爸|哥哥|姐姐|弟弟|妹妹|狗|猫|宠物|生日|邮箱|电话|手机号|爱好|家乡"
    r"|地址|时区|母语|饮食|公司|团队|目标|最喜欢的[^，。；！？]{1,8}?|最爱的[^，。；！？]{1,8}?)"
)
_LIKED = r"(?P<object>(?!(?:it|this|that|these|those|you|your|how|what|when|where|to (?:know|see|ask|have|get|think|be))\b).+)"
_ABOUT = (
    (
        rf"{_I}{_ADVERB}{_NOT}{_ADVERB}\s+(?:like|love|enjoy|hate|dislike|detest|adore|mind|eat|drink|tolerate|stand)\s+{_LIKED}",
        "likes",
    ),
    (rf"{_I}(?:'d)?{_ADVERB}{_NOT}{_ADVERB}\s+(?:prefer|rather have|favou?r)\s+(?P<object>.+)", "prefers"),
    (rf"{_I}(?:'m| am){_ADVERB}(?: not| no longer)?\s+(?:allergic|intolerant)\s+to\s+(?P<object>.+)", "allergy"),
    (rf"{_I}(?:'ve| have)(?: got)?\s+(?:an?\s+)?(?P<object>.+?)\s+allergy\b", "allergy"),
    (rf"\bmy (?P<object>{_MINE})\s+(?:is|are|was born|lives)\b", "my"),
    (rf"我的?(?P<object>{_MINE_ZH}(?:的?名字)?)(?:是|叫|在)", "my"),
    (
        r"我(?:很|非常|特别|最|更|也|还)*(?:不再|不太|不)?(?:很|太)?(?:喜欢|喜爱|讨厌|爱吃|爱喝|热爱|反感|吃|喝)(?P<object>.+)",
        "likes",
    ),
    (r"我(?:更|比较|一般)*(?:不)?(?:偏好|偏爱|倾向于?|宁愿|习惯)(?P<object>.+)", "prefers"),
    (r"我(?:对)(?P<object>.+?)(?:不再)?过敏", "allergy"),
)
_LASTING = (
    rf"{_I}(?:'m| am)\s+(?:(?:not )?an?(?! (?:bit|little|lot|few|tad))|married|single|divorced|retired|learning|studying|left-handed|deaf|blind|colou?r[- ]?blind)\b",
    rf"{_I}(?:'ve| have)\s+(?:an?\s+)?(?:strong\s+)?(?:aversion|preference|passion|fear|phobia|degree|disability|diabetes|asthma|\w+ (?:children|kids|sons?|daughters?|cats?|dogs?|brothers?|sisters?))\b",
    rf"{_I}{_ADVERB}\s+(?:avoid|speak|study|own|refuse|follow|practi[sc]e|believe in|can't stand|only (?:eat|drink|use|buy|read))\b",
    rf"{_I}{_ADVERB}\s+(?:don't|do not|never)\s+(?:use|like|own|drive|smoke|speak)\b",
    r"我不?是(?:一[名个位]|.{0,6}(?:员|师|生|者|人|家|工)[。.！!]?$)|我有(?:\S{0,3}个?(?:孩子|儿子|女儿|哥哥|姐姐|弟弟|妹妹)|\S{0,3}只|糖尿病|哮喘|恐)|我(?:会说|在学|学的|已婚|单身|离婚|退休)",
)
_REMEMBER = re.compile(
    r"^\W*(?:please\s+|could you\s+|can you\s+)?(?:remember|note|keep in mind|don't forget|do not forget)(?:\s+that|\s*[:,])\s*(?P<note>.+)"
    r"|^\W*(?:请|帮我|麻烦)*(?:你)?(?:记住|记一下|记得|别忘了|不要忘记)[:：,，]?\s*(?P<zh>.+)",
    re.IGNORECASE | re.DOTALL,
)
_QUESTION = re.compile(
    r"[?？]\s*[\"'”’」)]*$"
    r"|^\W*(?:what|who|whom|whose|where|when|why|how|which|is|are|am|do|does|did|can|could|would|will|should|shall|may|have|has)\b(?!.*\bremember that\b)"
    r"|(?:吗|呢|么)[\s。.!！]*$|^(?:什么|谁|哪|怎么|怎样|如何|为什么|为何|几|多少|是否|是不是|请问)|(?:什么|哪里|哪儿|谁|多少|怎么样|怎么办|为什么|是不是|是否|能不能)",
    re.IGNORECASE,
)
_HEDGED = re.compile(
    r"\b(?:if|suppose|imagine|pretend|unless|wish|hypothetically|assume|(?:he|she|they|you|who|someone|it) (?:said|says|told|thinks?|wrote))\b|^\W*(?:translate|summari[sz]e|write|rewrite|correct|say|type|repeat)\b|^\W*翻译|[他她]们?说|\bi would\b(?!\s+rather)|如果|假如|假设|要是|假装|想象",
    re.IGNORECASE,
)
_CUT = re.compile(
    r"\s*(?:\b(?:over|than|rather|instead|because|since|when|for|in|on|at|with|to|and|but|so|from|during|anymore|any more|now|please)\b|[,;，；。.!！、])",
    re.IGNORECASE,
)
_SUBJECT = re.compile(r"(?:\b(?:i|my|me)\b|我)", re.IGNORECASE)
_SPLIT = re.compile(
    r"(?:[,，;；]\s*(?:and\s+|but\s+|而且|并且|但是|但)?|\s+(?:and|but)\s+)(?=(?:i|my|i'm|call me)\b|我|叫我)",
    re.IGNORECASE,
)
_LAST_PART = re.compile(r"[,，;；][^,，;；]*$")
_RULES = tuple((re.compile(rule, re.IGNORECASE), topic) for rule, topic in _SINGLE)
_TOPICAL = tuple((re.compile(rule, re.IGNORECASE | re.DOTALL), topic) for rule, topic in _ABOUT)
_PLAIN = tuple(re.compile(rule, re.IGNORECASE) for rule in _LASTING)


def extract_facts(text: str) -> list[Statement]:
    """Return what the user says of themselves that stays true after this turn.

    Only ever give it the user's own words: an answer's "I" is not the user. A question states nothing.
    """
    found = [
        statement
        for sentence in sentences(text.replace("’", "'"))
        for clause in _clauses(sentence.text)
        if (statement := _statement(clause))
    ]
    return list({statement.text: statement for statement in found}.values())


def _clauses(sentence: str) -> list[str]:
    if len(sentence) > MAX_CHARS:
        return []
    if _REMEMBER.match(simplified(sentence)):
        return [sentence]
    return [stated for part in cut(_SPLIT, sentence) if (stated := _stated(part.strip()))]


def _stated(clause: str) -> str:
    """Return a clause without the question it may run into, as in "I live in Paris, how is the weather?"."""
    if not _QUESTION.search(simplified(clause)):
        return clause
    front = _LAST_PART.sub("", clause)
    return front if front != clause and not _QUESTION.search(simplified(front)) else ""


def _statement(clause: str) -> Statement | None:
    read = simplified(clause)
    if asked := _REMEMBER.match(read):
        note = clause[asked.start(asked.lastgroup or 0) :].strip().rstrip("?？")
        told = simplified(note)
        return Statement(note, _topic(told) or "") if len(words(note)) > 1 and not _QUESTION.search(told) else None
    if _HEDGED.search(read) or not _SUBJECT.search(read):
        return None
    topic = _topic(read)
    return Statement(clause, topic) if topic is not None else None


def _topic(clause: str) -> str | None:
    """Return what the clause is about; empty for a fact of no nameable topic, None for no fact."""
    for rule, topic in _RULES:
        if rule.search(clause):
            return topic
    for rule, kind in _TOPICAL:
        if match := rule.search(clause):
            return f"{kind}:{_head(match['object'], whole=kind == 'my')}"
    return "" if any(rule.search(clause) for rule in _PLAIN) else None


def _head(phrase: str, *, whole: bool) -> str:
    """Return the noun a phrase turns on: the last word before it goes on about something else."""
    core = _CUT.split(phrase.strip(), maxsplit=1)[0] or phrase
    if "的" in core and not whole:
        core = core.rsplit("的", 1)[1] or core
    if re.search(r"[\u4e00-\u9fff]", core):
        return re.sub(r"[\W了]+", "", core)[:12]
    names = [word for word in words(core) if word not in _ARTICLES]
    return " ".join(names[:4]) if whole else _singular(names[-1]) if names else ""


_ARTICLES = frozenset({"a", "an", "the", "any", "all", "very", "much", "my"})


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
