"""What the product says of itself comes in the language of whoever asks."""

import pytest

from twintrack.core.language import Language, language_of
from twintrack.core.passages import Passage
from twintrack.guardrails.refusals import refusal
from twintrack.nodes.abstain import abstained
from twintrack.nodes.prompts import say

ASKED: dict[str, tuple[Language, str]] = {
    "How tall is the lighthouse?": ("en", "I did not find"),
    "这座灯塔有多高？": ("zh-Hans", "没有找到这个问题"),
    "這座燈塔有多高？": ("zh-Hant", "沒有找到這個問題"),
    "請問圖書館有多少本書": ("zh-Hant", "沒有找到這個問題"),
    "茶": ("zh-Hans", "没有找到这个问题"),
    "Blue Account 的月费是多少？": ("zh-Hans", "没有找到这个问题"),
    "Blue Account 的月費是多少？": ("zh-Hant", "沒有找到這個問題"),
    "What does 灯塔 mean in this sentence?": ("en", "I did not find"),
    "これはペンですか": ("en", "I did not find"),
    "": ("en", "I did not find"),
}
PASSAGE = Passage(id="p", document_id="d", title="Harbour", source="h.md", text="x", start=0, score=1.0)


@pytest.mark.parametrize("question", ASKED)
def test_an_abstention_and_what_it_looked_at_follow_the_question(question: str) -> None:
    language, words = ASKED[question]
    draft = abstained(question, [PASSAGE, PASSAGE], say("not there", question))
    told = {
        "en": "not in the passages; looked at: Harbour",
        "zh-Hans": "段落中没有答案; 查阅了：Harbour",
        "zh-Hant": "段落中沒有答案; 查閱了：Harbour",
    }
    assert language_of(question) == language
    assert words in draft["text"]
    assert draft["reason"] == told[language]


@pytest.mark.parametrize("question", ASKED)
def test_a_refusal_follows_the_question(question: str) -> None:
    words = {"en": "Please ask", "zh-Hans": "请直接提出您的问题", "zh-Hant": "請直接提出您的問題"}
    assert words[ASKED[question][0]] in refusal("injection", question)


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("en", "en"),
        ("de-CH", "en"),
        ("zh", "zh-Hans"),
        ("zh-CN", "zh-Hans"),
        ("zh-Hans-HK", "zh-Hans"),
        ("zh-TW", "zh-Hant"),
        ("zh-Hant", "zh-Hant"),
        ("zh-HK", "zh-Hant"),
    ],
)
def test_a_language_that_the_caller_chose_goes_before_the_questions(tag: str, language: Language) -> None:
    assert language_of("这座灯塔有多高？", tag) == language
