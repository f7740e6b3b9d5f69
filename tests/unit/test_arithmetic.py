"""Calculations are found in ordinary text, and only calculations."""

import ast
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twintrack.nodes.arithmetic import expression_in, expressions_in
from twintrack.nodes.numerals import literal


def value_of(text: str) -> Any:
    expression = expression_in(text)
    assert expression is not None, text
    return eval(expression, {"__builtins__": {}})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("17 * 23", 391),
        ("what is 17*23?", 391),
        ("12% of 80", 9.6),
        ("the square root of 2", 2**0.5),
        ("3加5乘以2", 13),
        ("(1+2)/3", 1),
        ("sum of 3, 4 and 5", 12),
        ("1,200 + 350", 1550),
        ("2 to the power of 10", 1024),
        ("百分之15的200", 30),
        ("百分之十五的二百", 30),
        ("200的15%", 30),
        ("3、4和5的和", 12),
        ("2的10次方", 1024),
        ("16的平方根", 4),
        ("三加五等于几", 8),
        ("一百二十三乘以四是多少", 492),
        ("两万三千除以二", 11500),
        ("two plus twenty five", 27),
        ("$1,200 + $350", 1550),
        ("15% off 80", 68),
        ("1/2 of 50", 25),
        ("三分之二的90", 60),
        ("2.5万 + 3千", 28000),
        ("3 million divided by 4", 750_000),
        ("ten squared", 100),
        ("the average of 3, 5 and 10", 6),
        ("What is the difference between 10 and 4?", 6),
        ("sqrt(16)+1", 5),
        ("３＋４", 7),
        ("12 ÷ 4", 3),
        ("17 mod 5", 2),
        ("-3 + 5", 2),
        ("Subtract 5 from 20, please", 15),
        ("increase 200 by 15%", 230),
        ("Divide 10 by 4", 2.5),
        ("what is 10 - 20?", -10),
        ("计算 15*(3+2)", 75),
        ("Multiply 25 times 4, then find the capital of France", 100),
        ("007 + 1", 8),
    ],
)
def test_a_calculation_is_read(text: str, value: float) -> None:
    assert value_of(text) == pytest.approx(value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "What happened on 2020-01-02?",
        "1/2/2023",
        "What is 9/11?",
        "Is the shop open 24/7",
        "the iPhone 12/13",
        "COVID-19 and GPT-4",
        "Read sections 3-5",
        "3 and 5",
        "version 1.2.3 of 4.5.6",
        "call 555-123-4567",
        "between 1990 - 1995",
        "4x4 cars",
        "The score was 3-2",
        "A+ grade, 5+ years, C++ 11",
        "the difference between 2019 and 2020 revenue",
        "第一次加入",
        "一加手机怎么样",
        "He won 3 times in 2020",
        "5 of 10 people, 70 percent of people",
        "the product of Apple",
        "我和你的和平",
        "2008年和2012年的差别",
        "10-20人",
        "10·29汽车炸弹爆炸死亡人数",
        "https://example.org/3+4*5",
        "((3",
        "42",
    ],
)
def test_what_only_looks_like_one_is_left_alone(text: str) -> None:
    assert expression_in(text) is None


def test_several_calculations_are_all_kept() -> None:
    assert expressions_in("What is 3+4 and 5*6?") == ["3 + 4", "5 * 6"]
    assert value_of("What is 3+4 and 5*6?") == (7, 30)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("一千零一", "1001"),
        ("十五", "15"),
        ("二〇二五", "2025"),
        ("三点一四", "3.14"),
        ("一亿二千万", "120000000"),
        ("one hundred twenty-three thousand", "123000"),
        ("1.50", "1.5"),
        (".5", "0.5"),
    ],
)
def test_numbers_in_words_are_read(text: str, number: str) -> None:
    assert literal(text) == number


# A calculation of known value, with its English, Chinese and plain wording.
Worded = tuple[Fraction, str, str, str]
numbers = st.integers(0, 9_999).map(lambda n: (Fraction(n), f"{n:,}", str(n), str(n)))
OPERATIONS: dict[str, tuple[Callable[[Fraction, Fraction], Fraction], str, str]] = {
    "+": (lambda a, b: a + b, " plus ", "加"),
    "-": (lambda a, b: a - b, " minus ", "减"),
    "*": (lambda a, b: a * b, " times ", "乘以"),
}


def joined(parts: tuple[Worded, str, Worded]) -> Worded:
    left, sign, right = parts
    compute, english, chinese = OPERATIONS[sign]
    return (
        compute(left[0], right[0]),
        f"({left[1]}{english}{right[1]})",
        f"（{left[2]}{chinese}{right[2]}）",
        f"({left[3]} {sign} {right[3]})",
    )


calculations = st.recursive(
    numbers, lambda inner: st.tuples(inner, st.sampled_from(sorted(OPERATIONS)), inner).map(joined), max_leaves=8
).filter(lambda worded: worded[3].startswith("("))


@given(calculations)
def test_any_calculation_keeps_its_value_in_both_languages(worded: Worded) -> None:
    value, *wordings = worded
    for wording in wordings:
        assert value_of(f"What is {wording}?") == value
        assert value_of(f"{wording}等于多少") == value


@given(st.lists(st.integers(0, 10**6), min_size=2, max_size=6))
def test_the_sum_of_a_list_counts_each_number_once(items: list[int]) -> None:
    english = ", ".join(map(str, items[:-1])) + f" and {items[-1]}"
    assert value_of(f"What is the sum of {english}?") == sum(items)
    assert value_of("、".join(map(str, items)) + "的和是多少") == sum(items)


@given(st.integers(0, 10**16))
def test_a_number_survives_its_thousands_separators(number: int) -> None:
    assert literal(f"{number:,}") == literal(str(number)) == str(number)


ALPHABET = "0123456789 +-*/()%^.,的加减乘以除分之百和与、平方根次方三十万 of the sum plus x root average difference and"
SAFE = (ast.Expression, ast.BinOp, ast.UnaryOp, ast.Constant, ast.Tuple, ast.Load, ast.operator, ast.unaryop)


@given(st.one_of(st.text(max_size=60), st.text(alphabet=ALPHABET, max_size=60)))
def test_whatever_is_read_is_python_made_of_numbers_only(text: str) -> None:
    expression = expression_in(text)
    if expression is not None:
        assert all(isinstance(node, SAFE) for node in ast.walk(ast.parse(expression, mode="eval")))


def test_a_long_text_is_read_quickly_enough() -> None:
    assert expression_in("(" * 20_000) is None
    assert expression_in("-" * 20_000 + "1") is None
    assert expression_in("1+" * 20_000 + "1") is not None
