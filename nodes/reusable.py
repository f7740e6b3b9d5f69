"""Says which questions and answers may be given again: those that depend on nobody, no moment and no conversation."""

import re
from collections.abc import Sequence
from hashlib import blake2b

from langchain_core.messages import AnyMessage, HumanMessage

from twintrack.core.answer_cache import MAX_CHARS
from twintrack.core.query_words import query_words
from twintrack.core.simplified import simplified
from twintrack.guardrails.pii import PLACEHOLDER
from twintrack.memory.schemas import Recalled
from twintrack.nodes.admit import REFUSED
from twintrack.nodes.state import State

_POINTS_BACK = re.compile(
    r"\b(?:it|its|that|this|those|these|they|them|their|theirs|he|she|his|her|hers|him|there|ones?|same|former|latter"
    r"|above|previous|previously|earlier|again|also|else|others?|another|such|so|then|said|mentioned)\b"
    r"|^\W*(?:and|but|or|what about|how about|why|more|continue|go on)\b"
    r"|它|他|她|这|那|该|其|此|上述|上面|前者|后者|前面|刚才|之前|还有|另外|同样|别的|继续|第[一二三四五六七八九十\d]+[个项条点]"
    r"|^(?:再|又|也)|呢[？?]?$|^为什么",
    re.IGNORECASE,
)
_FEW_WORDS = 2
"""A follow-up may leave out what it is about; so many words say it themselves."""
_MOMENT = re.compile(
    r"\b(?:today|tonight|tomorrow|yesterday|right now|at the moment|this (?:morning|afternoon|evening|week|month|year)"
    r"|(?:last|next) (?:night|week|month|year))\b|今天|明天|昨天|今晚|现在|此刻|目前|本周|上周|下周|本月|上个月|下个月|今年|去年|明年",
    re.IGNORECASE,
)


def unfit_question(question: str, messages: Sequence[AnyMessage]) -> str:
    """Return why no kept answer may answer the question, or nothing."""
    if len(question) > MAX_CHARS:
        return "too long"
    if why := unfit_words(question):
        return why
    return "a follow-up" if _said_before(messages) and _leans(question) else ""


def unfit_words(text: str) -> str:
    """Return why what answers these words may not be given again, whoever reads them; or nothing."""
    if PLACEHOLDER.search(text):
        return "holds personal data"
    return "asks about a moment" if _MOMENT.search(simplified(text)) else ""


def unfit_answer(state: State) -> str:
    """Return why the turn's answer may not be given again, or nothing."""
    answer, decision = state["answer"], state.get("decision")
    reasons = {
        "not answered": answer["status"] != "answered",
        "not from documents": not answer["citations"] or answer.get("rests_on", "documents") != "documents",
        "degraded": bool(state.get("degraded") or state.get("failure")),
        "not the direct track alone": state.get("tried") != ["direct"] or bool(state.get("steps")),
        "not the route that was chosen": not decision or decision["route"] != "direct",
        "searched for in other words": state.get("query", state["question"]) != state["question"],
        "holds personal data": bool(PLACEHOLDER.search(answer["text"])),
    }
    return next((why for why, holds in reasons.items() if holds), "")


def memory_used(recalled: Recalled, messages: Sequence[AnyMessage]) -> str:
    """Return a digest of what a prompt says of the user; empty where it says nothing of him or the conversation."""
    facts = sorted(fact["text"] for fact in recalled["facts"])
    if not facts and not recalled["episodes"] and not recalled["summary"] and not _said_before(messages):
        return ""
    return blake2b("\x00".join(facts).encode(errors="surrogatepass"), digest_size=12).hexdigest()


def shaped_here(recalled: Recalled, messages: Sequence[AnyMessage]) -> bool:
    """Tell whether a prompt holds more of the user than his facts: what was said here or in other conversations."""
    return bool(recalled["episodes"] or recalled["summary"]) or _said_before(messages)


def _said_before(messages: Sequence[AnyMessage]) -> bool:
    asked = [message for message in messages if isinstance(message, HumanMessage) and message.text != REFUSED]
    return len(asked) > 1


def _leans(question: str) -> bool:
    """Tell whether a question in a conversation may need what was said before it."""
    return bool(_POINTS_BACK.search(simplified(question))) or len(query_words(question)) <= _FEW_WORDS
