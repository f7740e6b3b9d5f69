"""Two wordings are one question only where nothing that could make a difference differs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twintrack.core.same_question import same_question, wording

SAME = [
    ("What is the capital of France?", "what is THE capital of   France"),
    ("What's the capital of France?", "Please tell me what the capital of France is"),
    ("What is the capital of France?", "Hi, could you please tell me what the capital of France is? Thanks"),
    ("In 1990, who won the cup?", "Who won the cup in 1990?"),
    ("Who isn't allowed in?", "Who is not allowed in?"),
    ("How many people can’t vote?", "How many people cannot vote?"),
    ("Which is the biggest lake?", "What is the largest lake?"),
    ("How much is 12,500 kg of salt?", "How much is 12500 kg of salt"),
    ("What are the fees?", "What is the fee?"),
    ("WHAT IS THE FEE?", "what is the fee?"),
    ("Ｗhat is the fee？", "What is the fee?"),
    ("中国的首都是哪里？", "请问中国首都是哪儿"),
    ("谁是小说的作者？", "小说的作者是谁"),
    ("你知道中国的首都是哪里吗？", "中国的首都是哪里"),
    ("他们什么时候开始？", "他们何时开始呢？"),
]
OTHER = [
    ("Who won in 2010?", "Who won in 2014?"),
    ("What is the capital of France?", "What is the capital of Ghana?"),
    ("Does France export more than Ghana?", "Does Ghana export more than France?"),
    ("Who may vote?", "Who may not vote?"),
    ("Who can vote?", "Who cannot vote?"),
    ("What is above the limit?", "What is below the limit?"),
    ("Who is the director?", "Who was the director?"),
    ("When did it open?", "Where did it open?"),
    ("Trains from Rome to Paris", "Trains to Rome from Paris"),
    ("What does WHO advise?", "What does who advise?"),
    ("What holds in the US?", "What holds in the us?"),
    ("What is 10²?", "What is 102?"),
    ("What is 5!", "What is 5?"),
    ("What is -5 degrees?", "What is 5 degrees?"),
    ("What is $5 worth?", "What is €5 worth?"),
    ("Is 5% enough?", "Is 5 enough?"),
    ("Is 3.5 enough?", "Is 3 5 enough?"),
    ("Is 1.500 enough?", "Is 1500 enough?"),
    ("What is C++?", "What is C#?"),
    ("What is .NET?", "What is net?"),
    ("Is vitamin A good?", "Is vitamin good?"),
    ("Is vitamin A good?", "Is vitamin B good?"),
    ("Who is Anna funding?", "Who is Anna funded?"),
    ("What is the custom here?", "What is the customs here?"),
    ("Who was James Brown?", "Who was Jame Brown?"),
    ("Where is the Old Bridge?", "Where is the New Bridge?"),
    ("中国的首都是哪里？", "法国的首都是哪里？"),
    ("谁支持改革？", "谁不支持改革？"),
    ("谁最早到达？", "谁最晚到达？"),
    ("1998年谁获胜？", "1999年谁获胜？"),
    ("他何时出生？", "他哪里出生？"),
    ("猫追狗吗？", "狗追猫吗？"),
    ("全长3.5公里吗", "全长35公里吗"),
    ("What is the capital of France?", "法国的首都是哪里？"),
    ("ما هي عاصمة فرنسا؟", "ما عاصمة فرنسا؟"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_another_wording_is_the_same_question(one: str, other: str) -> None:
    assert same_question(one, other)
    assert same_question(other, one)


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_one_difference_that_counts_makes_another_question(one: str, other: str) -> None:
    assert not same_question(one, other)
    assert not same_question(other, one)


@pytest.mark.parametrize("text", ["ما هي عاصمة فرنسا؟", "日本の首都はどこですか", "הבירה", "🚲 where", "हिंदी"])
def test_a_script_that_cannot_be_compared_is_matched_exactly_only(text: str) -> None:
    assert not wording(text).readable
    assert same_question(text, f" {text} ")
    assert not same_question(text, f"please {text}")


@given(st.text(max_size=60))
def test_any_text_is_the_same_as_itself_and_never_fails(text: str) -> None:
    assert same_question(text, text)
    assert same_question(text, f"  {text}\n") or not text.strip()


WORDS = st.sampled_from(
    [
        "who",
        "what",
        "not",
        "1990",
        "1991",
        "Rome",
        "Paris",
        "rises",
        "falls",
        "before",
        "after",
        "the",
        "a",
        "中",
        "不",
        "大",
        "小",
        "is",
        "was",
        "did",
    ]
)


@given(st.lists(WORDS, min_size=1, max_size=6), st.integers(0, 5), WORDS)
def test_a_changed_word_changes_the_question_unless_it_is_an_article(words: list[str], place: int, other: str) -> None:
    place %= len(words)
    changed = [*words[:place], other, *words[place + 1 :]]
    if {words[place], other} & {"the", "a", "is", "was", "did"} or other == words[place]:
        return
    assert not same_question(" ".join(["Tell X", *words]), " ".join(["Tell X", *changed]))
