"""What a refused user is told, in the language they wrote in."""

import re
from typing import Literal

Refusal = Literal["empty", "too_long", "injection", "broken", "uncited"]

_CHINESE = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")
_TEXTS: dict[Refusal, tuple[str, str]] = {
    "empty": ("The question is empty. Please write what you want to know.", "问题是空的。请写下您想了解的内容。"),
    "too_long": (
        "The question is too long: {size} characters, {limit} are allowed. Please shorten it.",
        "问题太长：共 {size} 个字符，最多允许 {limit} 个。请缩短后再试。",
    ),
    "injection": (
        "This looks like an attempt to change the rules I work by, so I did not process it. "
        "Please ask your question without instructions to me.",
        "这段内容像是在试图更改我的工作规则，因此未予处理。请直接提出您的问题。",
    ),
    "broken": (
        "A safety check could not run, so I did not process this. Please try again later.",
        "安全检查未能完成，因此未予处理。请稍后再试。",
    ),
    "uncited": (
        "I could not support this answer with my sources, so I do not give it.",
        "我无法用资料证实这个回答，因此不予提供。",
    ),
}


def refusal(what: Refusal, text: str, **numbers: int) -> str:
    """Return the sentence for `what` in the language of `text`; it never repeats the text."""
    english, chinese = _TEXTS[what]
    return (chinese if _CHINESE.search(text) else english).format(**numbers)
