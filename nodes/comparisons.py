"""Turns a question about several things into one question about each."""

import re

from twintrack.core.simplified import cut, simplified

MAX_CHARS = 400
_NAME = r"(?:the )?[A-Z][\w.&'’-]*(?: (?:of |the )?[A-Z0-9][\w.&'’-]*)*"
_PATTERNS = (
    # compare A and B (in ...), the difference between A and B
    re.compile(
        r"(?P<before>.*\b(?:compare|between|contrast)\s+)(?P<items>[^?？;；]+?)"
        r"(?P<after>(?:\s+(?:in|on|for|with\s+respect|regarding|by|at|when)\b[^?？]*)?[?？.!]*)",
        re.IGNORECASE | re.DOTALL,
    ),
    # Which is older, A or B?
    re.compile(
        r"(?P<before>.*\b(?:which|who|what)\b[^,]*,\s*)(?P<items>[^?？;；]+\bor\b[^?？;；]+)(?P<after>[?？.!]*)",
        re.IGNORECASE | re.DOTALL,
    ),
    # the capitals of France, Spain and Italy; are both X and Y ...; but not the author of Pride and Prejudice
    re.compile(
        rf"(?P<before>.*(?:\w\ws\s+(?:of|for|in|by)|\b(?:[Bb]oth|[Aa]re|[Ww]ere))\s+)"
        rf"(?P<items>{_NAME}(?:, {_NAME})*,? and {_NAME})(?P<after>(?:\s.*)?[?.!]*)",
        re.DOTALL,
    ),
    # A和B的区别是什么, A、B和C分别是谁
    re.compile(
        r"(?P<before>(?:.*(?:比较|对比|请问|关于))?)(?P<items>[^，,。？?的]+)"
        r"(?P<after>(?:的(?:区别|差别|异同|不同|关系|差异)|分别|各自|各是|有什么(?:区别|不同|差别)|相比|哪个|谁更|谁的).*)",
        re.DOTALL,
    ),
)
_BETWEEN = re.compile(r",?\s+(?:and|or|with|to|versus|vs\.?)\s+|,\s*|、|以及|[和与跟及]", re.IGNORECASE)
_MOST = 6
_LONGEST = 60


def sides(question: str) -> list[str]:
    """Return `question` once per thing it compares or lists; itself alone where it is about one thing."""
    for pattern in _PATTERNS if len(question) <= MAX_CHARS else ():
        asked = question.strip()
        if not (found := pattern.fullmatch(simplified(asked))):
            continue
        start, end = found.span("items")
        items = [item.strip() for item in cut(_BETWEEN, asked[start:end]) if item.strip()]
        if 2 <= len(items) <= _MOST and all(_names_something(item) for item in items):
            return [f"{asked[:start]}{item}{asked[end:]}" for item in items]
    return [question]


def _names_something(item: str) -> bool:
    """Tell a thing from the end of a range: between 1914 and 1945 is one time."""
    return len(item) <= _LONGEST and re.search(r"[^\W\d]", item) is not None
