"""What may be answered without documents: a statement to note, or a question about the user's own facts."""

import re
from collections.abc import Sequence

from twintrack.core.simplified import simplified
from twintrack.core.tokens import words
from twintrack.memory.facts import extract_facts
from twintrack.memory.schemas import Fact
from twintrack.memory.stems import stems
from twintrack.nodes.prompts import say
from twintrack.nodes.state import Draft

_ABOUT_ME = re.compile(r"\b(my|mine|i|me|i'm|i've)\b|我", re.IGNORECASE)
_ASKS = re.compile(
    r"[?？]|吗|什么|哪|谁|多少|(?:^|[.!;,]\s+)(?:what|where|who|whom|when|which|how|why|do|does|did|is|are|can|could|tell|compute)\b",
    re.IGNORECASE,
)
_SMALL = frozenset(
    [
        "a",
        "an",
        "the",
        "is",
        "are",
        "am",
        "was",
        "were",
        "do",
        "does",
        "did",
        "what",
        "where",
        "who",
        "whom",
        "when",
        "which",
        "how",
        "why",
        "you",
        "your",
        "tell",
        "know",
        "about",
        "of",
        "to",
        "in",
        "on",
        "at",
        "for",
        "and",
        "or",
        "my",
        "mine",
        "i",
        "me",
        "it",
        "that",
        "can",
        "could",
        "remember",
        "我",
        "的",
        "是",
        "什",
        "么",
        "在",
        "哪",
        "里",
        "谁",
        "吗",
        "呢",
        "你",
        "知",
        "道",
        "有",
        "多",
        "少",
        "几",
        "还",
        "记",
        "得",
    ]
)
_ALSO_CALLED = {"name": "name called 名字 叫", "home": "live home city 住 家", "job": "work job 工作 职业"}
"""Words a question may use for a fact's topic."""
_ENOUGH = 0.5
"""Share of the question's content words that a fact must hold."""


def about_user(text: str) -> bool:
    """Tell whether a text speaks of whoever wrote it."""
    return _ABOUT_ME.search(text) is not None


def noted(text: str) -> Draft | None:
    """Acknowledge a statement about the user that asks nothing."""
    facts = [statement.text for statement in extract_facts(text)]
    if not facts or _ASKS.search(simplified(text)):
        return None
    said = say("noted", text, facts="; ".join(facts))
    return Draft(status="answered", text=said, citations=[], reason="noted", rests_on="user")


def known(question: str, facts: Sequence[Fact]) -> Draft | None:
    """Answer a question about the user from what the user has said."""
    if not facts or not about_user(question):
        return None
    asked = _content(question)
    fitting = [fact for fact in facts if asked and len(asked & _said(fact)) / len(asked) >= _ENOUGH]
    if not fitting:
        return None
    text = say("known", question, facts="; ".join(fact["text"] for fact in fitting[:2]))
    return Draft(status="answered", text=text, citations=[], reason="from what you told me", rests_on="user")


def _said(fact: Fact) -> set[str]:
    return _content(f"{fact['text']} {_ALSO_CALLED.get(fact['topic'], fact['topic'])}")


def _content(text: str) -> set[str]:
    """Return the words that carry meaning: English stems, and single Chinese characters."""
    kept = [word for word in words(text) if word not in _SMALL and (word.isascii() or len(word) == 1)]
    return set(stems(" ".join(kept)))
