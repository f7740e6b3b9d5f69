"""A question becomes steps: nothing lost, nothing circular, each with the agent that can do it."""

import time
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from twintrack.core.tokens import words
from twintrack.nodes.clauses import EMPTY_WORDS, clauses
from twintrack.nodes.comparisons import sides
from twintrack.nodes.decompose import AgentCard, decompose
from twintrack.nodes.state import Step


class LetterEmbedder:
    """Puts texts that share letters near each other."""

    name = "test:letters"
    dims = 256

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = np.zeros((len(texts), self.dims), np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in words(text):
                row[sum(word.encode()) % self.dims] += 1
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        return np.asarray(rows / np.maximum(lengths, 1e-9), np.float32)

    async def embed_one(self, text: str) -> NDArray[np.float32]:
        return np.asarray((await self.embed([text]))[0], np.float32)


CARDS = [
    AgentCard("researcher", "Looks things up in the documents: facts, rules, names and dates."),
    AgentCard("calculator", "Computes: arithmetic, percentages, sums and roots."),
]


async def plan(question: str, *, max_steps: int = 8, cards: Sequence[AgentCard] = CARDS) -> list[Step]:
    return await decompose(question, cards, LetterEmbedder(), max_steps=max_steps)


def shape(steps: list[Step]) -> list[tuple[str, int]]:
    return [(step["agent"][0], len(step["depends_on"])) for step in steps]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("How do I reset my password?", [("r", 0)]),
        ("怎么重置密码？", [("r", 0)]),
        ("Where did the disease spread between 1348 and 1350?", [("r", 0)]),
        ("Who is the author of Pride and Prejudice?", [("r", 0)]),
        ("Who founded Apple and when?", [("r", 0)]),
        ('Does the song "Love and what then, find me" win?', [("r", 0)]),
        ("What is 17*23?", [("c", 0)]),
        ("What is 17*23, and what is the refund policy?", [("c", 0), ("r", 0)]),
        ("How long is the warranty? What is 12% of 80?", [("r", 0), ("c", 0)]),
        ("Who founded Apple and when was it founded?", [("r", 0), ("r", 1)]),
        ("First find the population of France, then divide it by 2", [("r", 0), ("c", 1)]),
        ("Find the annual fee and then multiply by 3", [("r", 0), ("c", 1)]),
        ("What is the population of France divided by 2?", [("r", 0), ("c", 1)]),
        ("thirty plus two and multiply the result by 4", [("c", 0), ("c", 1)]),
        ("1. What is a thread? 2. Who wrote it? 3. Compute 3+4", [("r", 0), ("r", 1), ("c", 0)]),
        ("Compare the gold card and the silver card in terms of fees", [("r", 0), ("r", 0)]),
        ("Which is older, Warrel Dane or Roy Khan?", [("r", 0), ("r", 0)]),
        ("What are the capitals of France, Germany and Spain?", [("r", 0)] * 3),
        ("Are both Cangzhou and Qionghai in Hebei?", [("r", 0), ("r", 0)]),
        ("中国的首都是哪里，人口是多少？", [("r", 0), ("r", 0)]),
        ("北京和上海的区别是什么？", [("r", 0), ("r", 0)]),
        ("李白和杜甫分别出生于哪一年？", [("r", 0), ("r", 0)]),
        ("查找退款政策，然后计算 12*30", [("r", 0), ("c", 0)]),
        ("公司年假有多少天？再乘以8是多少？", [("r", 0), ("c", 1)]),
        ("《战争与和平》的作者是谁以及它出版于哪一年？", [("r", 0), ("r", 1)]),
        ("请介绍一下检查点；另外，版本怎么回滚？", [("r", 0), ("r", 0)]),
        ("Tell me about versions; what is a thread?", [("r", 0), ("r", 0)]),
    ],
)
async def test_a_question_is_planned(question: str, expected: list[tuple[str, int]]) -> None:
    steps = await plan(question)
    assert shape(steps) == expected, [step["task"] for step in steps]


async def test_what_was_told_before_goes_with_the_question() -> None:
    steps = await plan("I have a gold card. What is the annual fee?")
    assert [step["task"] for step in steps] == ["I have a gold card. What is the annual fee?"]


async def test_a_part_that_points_back_carries_what_it_points_at() -> None:
    steps = await plan("Who founded Apple and when was it founded?")
    assert "Apple" in steps[1]["task"]


async def test_a_left_out_operand_is_said() -> None:
    steps = await plan("Find the fee and then multiply by 3")
    assert steps[1]["task"] == "multiply it by 3"
    steps = await plan("公司年假有多少天？再乘以8是多少？")
    assert "结果乘以8" in steps[1]["task"]


async def test_looking_up_a_number_is_no_calculation() -> None:
    steps = await plan("How many percent of the sums are arithmetic?")
    assert shape(steps) == [("r", 0)]


async def test_the_nearest_description_gets_the_task() -> None:
    cards = [*CARDS, AgentCard("shipper", "Orders parcels and tracks their delivery.")]
    steps = await plan(
        "When does the delivery of my parcels arrive? Which rules and dates are in the documents?", cards=cards
    )
    assert [step["agent"] for step in steps] == ["shipper", "researcher"]


async def test_a_team_of_one_does_everything() -> None:
    steps = await plan("What is 3+4 and who wrote it?", cards=[AgentCard("all", "Does everything.")])
    assert {step["agent"] for step in steps} == {"all"}


CONNECTORS = {"then", "and", "also", "finally", "after", "that", "additionally", "furthermore", "moreover", "next"}
FRAGMENTS = [
    "Who founded Apple",
    "what is the refund policy?",
    "I live in Oslo.",
    "compute 17 * 23",
    "then divide it by 4",
    ", and how long is it",
    "Compare tea and coffee",
    "; ",
    "1. ",
    "2) ",
    "\n- ",
    "of France, Germany and Spain?",
    "北京和上海的区别是什么？",
    "然后计算它的3倍",
    "，人口是多少",
    "以及为什么",
    "(see the note)",
    '"quoted, and what then"',
    "What are the capitals",
]
questions = st.one_of(
    st.lists(st.sampled_from(FRAGMENTS), min_size=1, max_size=14).map(" ".join), st.text(max_size=200)
)


def meaning(text: str) -> set[str]:
    return {
        word for word in words(text) if word not in EMPTY_WORDS | CONNECTORS and word.isascii() and not word.isdigit()
    }


@given(question=questions, max_steps=st.integers(1, 8))
async def test_any_plan_is_sound_and_loses_no_word(question: str, max_steps: int) -> None:
    steps = await plan(question, max_steps=max_steps)
    ids = [step["id"] for step in steps]
    assert len(ids) == len(set(ids)) <= max_steps
    for index, step in enumerate(steps):
        assert set(step["depends_on"]) <= set(ids[:index])
        assert step["task"].strip()
        assert step["agent"] in {"researcher", "calculator"}
    assert meaning(question) <= meaning(" ".join(step["task"] for step in steps))


@pytest.mark.parametrize(
    "text",
    [
        "和" * 20_000,
        "which a, b or c " * 1200,
        "the As of France, Germany and " * 700,
        "北京和上海，" * 3000,
        "I live. " * 2500,
    ],
)
async def test_a_hostile_question_does_not_hold_the_loop(text: str) -> None:
    started = time.process_time()
    assert len(await plan(text)) <= 8
    assert time.process_time() - started < 1


async def test_a_very_long_question_keeps_its_end() -> None:
    steps = await plan("What is a thread? " + "word " * 2000 + "zebra")
    assert "zebra" in steps[-1]["task"].split()


@given(questions)
def test_cutting_keeps_every_chinese_character_that_means_something(question: str) -> None:
    connectors = set("并且而另外此然后接着随下来最同时还有之再以及和")
    before = {sign for sign in question if "一" <= sign <= "鿿"} - connectors
    assert before <= set("".join(side for clause in clauses(question) for side in sides(clause)))


@pytest.mark.parametrize(
    "question",
    [
        "计算 12 乘以 7 加 3",
        "计算 (3+4)*2 等于多少？",
        "请帮我算一下 15% 的 200 是多少",
        "Can you please work out the value of 2 ** 10 for me?",
        "How much is 12 times 7 plus 3, please?",
        "What is the sum of 3, 4 and 5?",
    ],
)
async def test_what_is_only_a_calculation_is_one_step_of_the_calculator(question: str) -> None:
    assert [(step["agent"], step["task"]) for step in await plan(question)] == [("calculator", question)]


@pytest.mark.parametrize("calculation", ["square root of 144", "What is 17 * 23", "Compute 2+2"])
async def test_no_look_up_is_understood_from_a_calculation(calculation: str) -> None:
    steps = await plan(f"{calculation} and who pays fines?")
    assert [(step["agent"], step["task"]) for step in steps] == [
        ("calculator", calculation),
        ("researcher", "who pays fines?"),
    ]


async def test_a_look_up_after_a_calculation_is_understood_from_the_look_up_before_it() -> None:
    steps = await plan("Who founded the library of Lindwick? What is 17 * 23? And in which decade?")
    assert steps[-1]["task"] == "And in which decade? (Who founded the library of Lindwick?)"
