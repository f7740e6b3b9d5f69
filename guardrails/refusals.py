"""What a refused user is told, in the language they wrote in."""

from typing import Literal

from twintrack.core.language import Phrase, in_language, language_of

Refusal = Literal["empty", "too_long", "injection", "broken", "uncited"]

_TEXTS: dict[Refusal, Phrase] = {
    "empty": (
        "The question is empty. Please write what you want to know.",
        "问题是空的。请写下您想了解的内容。",
        "問題是空的。請寫下您想了解的內容。",
    ),
    "too_long": (
        "The question is too long: {size} characters, {limit} are allowed. Please shorten it.",
        "问题太长：共 {size} 个字符，最多允许 {limit} 个。请缩短后再试。",
        "問題太長：共 {size} 個字元，最多允許 {limit} 個。請縮短後再試。",
    ),
    "injection": (
        "This looks like an attempt to change the rules I work by, so I did not process it. "
        "Please ask your question without instructions to me.",
        "这段内容像是在试图更改我的工作规则，因此未予处理。请直接提出您的问题。",
        "這段內容像是在試圖更改我的工作規則，因此未予處理。請直接提出您的問題。",
    ),
    "broken": (
        "A safety check could not run, so I did not process this. Please try again later.",
        "安全检查未能完成，因此未予处理。请稍后再试。",
        "安全檢查未能完成，因此未予處理。請稍後再試。",
    ),
    "uncited": (
        "I could not support this answer with my sources, so I do not give it.",
        "我无法用资料证实这个回答，因此不予提供。",
        "我無法用資料證實這個回答，因此不予提供。",
    ),
}


def refusal(what: Refusal, text: str, **numbers: int) -> str:
    """Return the sentence for `what` in the language of `text`; it never repeats the text."""
    return in_language(_TEXTS[what], language_of(text)).format(**numbers)
