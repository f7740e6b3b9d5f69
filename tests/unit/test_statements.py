"""What a user says of themselves is told from what they ask, in English and Chinese."""

import time

import pytest

from twintrack.memory.statements import extract_facts


@pytest.mark.parametrize(
    ("said", "text", "topic"),
    [
        ("My name is Ann.", "My name is Ann.", "name"),
        ("Call me Bob, please", "Call me Bob, please", "name"),
        ("I moved to Berlin last month.", "I moved to Berlin last month.", "home"),
        ("I’m allergic to peanuts", "I'm allergic to peanuts", "allergy:peanut"),
        ("I prefer window seats over aisle seats.", "I prefer window seats over aisle seats.", "prefers:seat"),
        ("I don't like coffee anymore", "I don't like coffee anymore", "likes:coffee"),
        ("I'm a nurse", "I'm a nurse", ""),
        ("Remember that my flight is on Friday", "my flight is on Friday", ""),
        ("Could you remember that I use metric units?", "I use metric units", ""),
        ("My favourite colour is blue", "My favourite colour is blue", "my:favourite colour"),
        ("I live in Paris, what is the weather?", "I live in Paris", "home"),
        ("我住在上海，明天天气怎么样？", "我住在上海", "home"),
        ("我叫小明。", "我叫小明。", "name"),
        ("我喜欢靠窗的座位", "我喜欢靠窗的座位", "likes:座位"),
        ("我不喜欢靠窗的座位", "我不喜欢靠窗的座位", "likes:座位"),
        ("我对花生过敏", "我对花生过敏", "allergy:花生"),
        ("我是一名医生", "我是一名医生", ""),
        ("请记住我的航班是周五", "我的航班是周五", ""),
        ("我最喜欢的颜色是蓝色", "我最喜欢的颜色是蓝色", "my:最喜欢的颜色"),
    ],
)
def test_a_lasting_statement_is_a_fact_with_its_topic(said: str, text: str, topic: str) -> None:
    assert [(found.text, found.topic) for found in extract_facts(said)] == [(text, topic)]


def test_each_clause_is_a_fact_of_its_own() -> None:
    assert [found.topic for found in extract_facts("I live in Paris and I work at Acme.")] == ["home", "work"]
    assert [found.topic for found in extract_facts("我叫李雷，我住在上海。")] == ["name", "home"]


@pytest.mark.parametrize(
    "said",
    [
        "Do I live in Paris?",
        "Where do I live",
        "What is my name?",
        "我住在哪里？",
        "我叫什么名字",
        "你记得我叫什么吗？",
        "If I live in Paris, what tax do I pay",
        "Suppose I live in Paris.",
        "He said I like cats",
        "Translate: 我叫小明",
        "I like to know how it works",
        "I'm a bit confused",
        "I want to know the fees",
        "My card is lost",
        "Call me tomorrow",
        "I would like to open an account",
        "我想知道利率",
        "",
        "😀" * 50,
    ],
)
def test_a_question_a_supposition_or_a_passing_remark_is_no_fact(said: str) -> None:
    assert extract_facts(said) == []


@pytest.mark.parametrize(
    "hostile", ["I really " * 2000, "my " * 7000, "我" * 20_000, "I live in " + "a, " * 6000, "I " * 10_000 + "?"]
)
def test_hostile_text_costs_no_time(hostile: str) -> None:
    begun = time.process_time()
    extract_facts(hostile)
    extract_facts(hostile[:290])
    assert time.process_time() - begun < 1.0
