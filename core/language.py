"""Says in which language a person is to be answered: English, or Chinese in the signs that he himself writes."""

from typing import Literal

from twintrack.core.tokens import is_chinese

Language = Literal["en", "zh-Hans", "zh-Hant"]
Phrase = tuple[str, str, str]
"""The same words in English, in simplified and in traditional Chinese."""

_ORDER: tuple[Language, ...] = ("en", "zh-Hans", "zh-Hant")
_SIMPLIFIED = frozenset(
    "业东个为么书买产们会传关务华卖历发号后听员国图处头学实对岁师应开户报择数无时术条来样测济点现电种类系级纪纸经给统网脑见让认识试话诉语说请谁谢负责账费车过还这进远选边钱银长门问间际难马馆额"
)
_TRADITIONAL = frozenset(
    "業東個為麼書買產們會傳關務華賣歷發號後聽員國圖處頭學實對歲師應開戶報擇數無時術條來樣測濟點現電種類係級紀紙經給統網腦見讓認識試話訴語說請誰謝負責賬費車過還這進遠選邊錢銀長門問間際難馬館額"
)
"""The same common signs as the one half writes them and as the other does; the two share none."""
_ELSEWHERE = ("hant", "tw", "hk", "mo")
"""Parts of a language tag that call for traditional signs."""


def language_of(text: str, tag: str = "") -> Language:
    """Return the language of a text, or the one of a language tag where one is given."""
    if tag:
        return _of_tag(tag.lower().split("-"))
    if not is_chinese(text):
        return "en"
    traditional = sum(sign in _TRADITIONAL for sign in text)
    return "zh-Hant" if traditional > sum(sign in _SIMPLIFIED for sign in text) else "zh-Hans"


def _of_tag(parts: list[str]) -> Language:
    if parts[0] != "zh":
        return "en"
    return "zh-Hant" if "hans" not in parts and any(part in _ELSEWHERE for part in parts) else "zh-Hans"


def in_language(phrase: Phrase, language: Language) -> str:
    """Return the words of a phrase in a language."""
    return phrase[_ORDER.index(language)]
